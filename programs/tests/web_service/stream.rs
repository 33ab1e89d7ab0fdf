//! Server-sent events.

use std::io::{BufRead, BufReader};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rustix::process::Signal;

use crate::client::{Answer, Client, agent};
use crate::service::{Service, TIME_LIMIT};

/// How many events a stream has yielded, and how many it has missed.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) placed: u64,
    pub(crate) missed: u64,
}

fn lines(url: &str) -> impl Iterator<Item = String> + use<> {
    let answer = agent().get(&format!("{url}events")).call();
    let answer = answer.expect("it answers");
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let lines = BufReader::new(answer.into_body().into_reader()).lines();
    lines.map(|line| line.expect("the stream ends as it should"))
}

/// Reads events to the end of the stream. Returns once the stream has started.
pub(crate) fn watch(url: &str) -> JoinHandle<Seen> {
    let lines = lines(url);
    thread::spawn(move || {
        let (mut seen, mut kind) = (Seen::default(), String::new());
        for line in lines {
            if let Some(event) = line.strip_prefix("event: ") {
                kind = event.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                match kind.as_str() {
                    "placed" => seen.placed += 1,
                    "missed" => seen.missed += data.parse::<u64>().expect("a number"),
                    _ => panic!("{kind}: {data}"),
                }
            }
        }
        seen
    })
}

/// A4: every order is an event of the stream, which ends with the service.
#[test]
fn the_stream_yields_each_order_and_ends_with_the_service() {
    let service = Service::start(&["--flaky", "0", "--latency", "0"]);
    let client = Client::new(&service.url);
    let lines = lines(&service.url);
    let (send, received) = mpsc::channel();
    let reader = thread::spawn(move || {
        for line in lines.filter(|line| !line.is_empty()) {
            let _ = send.send(line);
        }
    });
    for number in 1..=3 {
        assert_eq!(client.order("a", 450), Answer::Accepted(number));
        let next = || received.recv_timeout(TIME_LIMIT).expect("an event");
        assert_eq!(next(), "event: placed");
        let data = next();
        let data = data.strip_prefix("data: ").expect("data");
        let order: serde_json::Value = serde_json::from_str(data).expect("JSON");
        let expected = serde_json::json!({"order": number, "item": "tea", "cents": 450});
        assert_eq!(order, expected);
    }
    service.signal(Signal::TERM);
    service.end().assert_code(0);
    reader.join().unwrap();
    assert_eq!(received.recv().ok(), None);
}

/// A4: a client that goes away leaves no inbox behind.
#[test]
fn streams_are_limited_and_given_back() {
    let service = Service::start(&[]);
    let status = |agent: &ureq::Agent| {
        let answer = agent.get(&format!("{}events", service.url)).call();
        let answer = answer.expect("it answers");
        (answer.status().as_u16(), answer)
    };
    let agent = agent();
    let mut streams: Vec<_> = (0..64).map(|_| status(&agent)).collect();
    assert!(streams.iter().all(|(status, _)| *status == 200));
    let (rejected, answer) = status(&agent);
    assert_eq!(rejected, 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    streams.pop();
    let deadline = Instant::now() + TIME_LIMIT;
    while status(&agent).0 != 200 {
        assert!(
            Instant::now() < deadline,
            "a stream that was left is still counted"
        );
    }
}
