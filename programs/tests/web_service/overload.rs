//! Back-pressure.

use std::collections::BTreeSet;

use rustix::process::Signal;

use crate::client::{Answer, Client};
use crate::service::Service;

/// A3, L10: an order without a place is answered at once; one that was accepted is reported although the service has to stop.
#[test]
fn without_a_place_the_answer_is_429_with_the_time_to_wait() {
    let forever = "3600000";
    let service = Service::start(&[
        "--workers",
        "1",
        "--queue",
        "1",
        "--flaky",
        "0",
        "--drain",
        "50",
        "--latency",
        forever,
        "--timeout",
        forever,
    ]);
    let client = Client::new(&service.url);
    let mut accepted = BTreeSet::new();
    // One is charged and one waits, or the first is still on its way there.
    let full = loop {
        match client.order("a", 450) {
            Answer::Accepted(order) => assert!(accepted.insert(order)),
            answer => break answer,
        }
        assert!(accepted.len() <= 2, "{accepted:?}");
    };
    assert_eq!(full, Answer::Full(Some("1".into())));

    service.signal(Signal::TERM);
    let ended = service.end();
    ended.assert_code(1);
    assert_eq!(ended.value("accepted"), accepted.len() as u64);
    assert_eq!((ended.value("handled"), ended.value("rejected")), (0, 1));
    assert!(ended.fates().keys().eq(&accepted), "{:#?}", ended.logged);
    let left = format!("not drained: {} emissions had not ended", accepted.len());
    assert!(
        ended.printed.iter().any(|line| line.starts_with(&left)),
        "{:#?}",
        ended.printed
    );
}
