//! Retries, and the spans of requests.

use rustix::process::Signal;

use crate::client::{Answer, Client};
use crate::service::Service;

/// W4: a server that always fails is called as often as the retry says; then the order is reported.
#[test]
fn an_order_that_cannot_be_handled_is_retried_and_reported() {
    let arguments = [
        "--flaky",
        "100",
        "--latency",
        "0",
        "--timeout",
        "30",
        "--delay",
        "5",
    ];
    let mut service = Service::start(&arguments);
    let client = Client::new(&service.url);
    assert_eq!(client.order("the-failing-one", 450), Answer::Accepted(1));
    for listener in ["charge", "notify"] {
        let span = format!("listener=\"{listener}\"");
        for attempt in 1..=4 {
            // Errors are logged inside the span of the attempt, which is inside that of the request.
            let attempt = format!("attempt={attempt}");
            service.logged(&["request{id=the-failing-one ", &span, &attempt]);
        }
    }
    service.logged(&["order 1: failed, 2 listeners failed, 0 were not called"]);
    service.signal(Signal::INT);
    let ended = service.end();
    ended.assert_code(0);
    assert_eq!((ended.value("failed"), ended.value("dead letters")), (1, 2));
    let given_up = |line: &&String| line.contains("order 1: given up after 4 attempts");
    assert_eq!(
        ended.logged.iter().filter(given_up).count(),
        2,
        "{:#?}",
        ended.logged
    );
}

/// A6, W4: calls that take too long are given up, by the listener's timeout or the client's, and retried.
#[test]
fn calls_that_take_too_long_end_at_their_timeout() {
    let endless = ["--latency", "3600000", "--flaky", "0"];
    let limits = ["--timeout", "30", "--delay", "5"];
    let mut service = Service::start(&[endless, limits].concat());
    let client = Client::new(&service.url);
    assert_eq!(client.order("slow", 450), Answer::Accepted(1));
    service.logged(&[
        "request{id=slow ",
        "order 1: given up after 4 attempts",
        "/charge did not answer",
    ]);
    let late = "had not returned after 30ms";
    service.logged(&[
        "request{id=slow ",
        "order 1: given up after 4 attempts",
        late,
    ]);
    service.logged(&["order 1: failed, 2 listeners failed, 0 were not called"]);
    service.signal(Signal::TERM);
    let ended = service.end();
    ended.assert_code(0);
    assert_eq!((ended.value("failed"), ended.value("dead letters")), (1, 2));
}

/// W4: where the server says when to try again, the pause is that, up to the longest; otherwise it is random within its limits.
#[test]
fn pauses_before_retries_keep_to_what_the_server_says() {
    let arguments = [
        "--flaky",
        "100",
        "--latency",
        "0",
        "--timeout",
        "30",
        "--delay",
        "150",
    ];
    let mut service = Service::start(&arguments);
    let client = Client::new(&service.url);
    // So many that among their calls there is one of each kind.
    for number in 1..=16 {
        assert_eq!(client.order("a", 450), Answer::Accepted(number));
    }
    for number in 1..=16 {
        let failed = format!("order {number}: failed, 2 listeners failed");
        service.logged(&[&failed]);
    }
    service.signal(Signal::TERM);
    let ended = service.end();
    ended.assert_code(0);
    let (mut hinted, mut random) = (0, 0);
    for line in &ended.logged {
        let Some((_, retry)) = line.split_once(": again in ") else {
            continue;
        };
        let (pause, error) = retry.split_once(": ").expect("an error");
        if error.ends_with("answered 503") {
            assert_eq!(pause, "150ms", "{line}");
            hinted += 1;
        } else {
            let millis = pause.strip_suffix("ms").and_then(|text| text.parse().ok());
            let millis: f64 = millis.unwrap_or_else(|| panic!("no pause: {line}"));
            // Half of 20, 40 or 80 ms, up to all of it.
            assert!((10.0..=80.0).contains(&millis), "{line}");
            random += 1;
        }
    }
    assert_eq!(hinted + random, 16 * 2 * 3);
    assert!(hinted > 0 && random > 0, "{hinted} and {random}");
}

/// W4: an error that the predicate turns down is not retried.
#[test]
fn a_declined_payment_is_not_retried() {
    let mut service = Service::start(&["--flaky", "0", "--latency", "0"]);
    let client = Client::new(&service.url);
    assert_eq!(client.order("dear", 100_001), Answer::Accepted(1));
    service.logged(&["order 1: failed, 1 listeners failed, 0 were not called"]);
    service.logged(&["request{id=dear ", "order 1: notified at attempt 1"]);
    service.logged(&["order 1: given up after 1 attempts", "/charge answered 402"]);
    service.signal(Signal::TERM);
    let ended = service.end();
    ended.assert_code(0);
    assert_eq!((ended.value("failed"), ended.value("dead letters")), (1, 1));
}

/// A request without a usable ID is numbered; a malformed one emits nothing.
#[test]
fn requests_without_a_usable_id_are_numbered() {
    let mut service = Service::start(&["--flaky", "0", "--latency", "0"]);
    let client = Client::new(&service.url);
    let malformed = Answer::Malformed("\"cents\" is no number\n".into());
    assert_eq!(client.send("first", r#"{"item": "tea"}"#), malformed);
    assert_eq!(client.order("not an id", 450), Answer::Accepted(2));
    service.logged(&["request{id=2 ", "order 2: charged at attempt 1"]);
    service.logged(&["request{id=2 ", "order 2: notified at attempt 1"]);
    service.signal(Signal::TERM);
    let ended = service.end();
    ended.assert_code(0);
    assert_eq!((ended.value("accepted"), ended.value("handled")), (1, 1));
}
