//! Every order that was accepted is handled or reported, whenever the service is stopped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use rustix::process::Signal;

use crate::client::{Answer, Client};
use crate::service::{Ended, Service, TIME_LIMIT, order_in};
use crate::stream::{self, Seen};

const ROUNDS: usize = 20;
const CLIENTS: usize = 3;
const REQUESTS: usize = 150;
/// A price that is declined.
const TOO_MUCH: u64 = 100_001;

/// What the clients know.
#[derive(Default)]
struct Answered {
    /// The request that placed each order.
    accepted: BTreeMap<u64, String>,
    rejected: u64,
}

/// Sends requests until the service is gone, or all were sent.
fn send(url: &str, name: &str, stopping: &AtomicBool, progress: &Sender<()>) -> Answered {
    let client = Client::new(url);
    let mut answered = Answered::default();
    for number in 0..REQUESTS {
        let id = format!("{name}-{number}");
        let cents = if number % 20 == 7 { TOO_MUCH } else { 450 };
        match client.order(&id, cents) {
            Answer::Accepted(order) => {
                let former = answered.accepted.insert(order, id);
                assert_eq!(former, None, "order {order} twice");
            }
            Answer::Full(later) => {
                assert_eq!(later.as_deref(), Some("1"));
                answered.rejected += 1;
            }
            Answer::Stopping(later) => {
                assert!(stopping.load(Ordering::SeqCst), "it stops too early");
                assert_eq!(later.as_deref(), Some("1"));
                answered.rejected += 1;
            }
            Answer::Gone => {
                assert!(stopping.load(Ordering::SeqCst), "it is gone too early");
                break;
            }
            answer @ Answer::Malformed(_) => panic!("{answer:?}"),
        }
        let _ = progress.send(());
    }
    answered
}

/// Stops the service after so many answers.
fn run(
    round: usize,
    latency: u64,
    drain: u64,
    stop_after: usize,
) -> (Answered, Ended, Option<Seen>) {
    let (latency, drain) = (latency.to_string(), drain.to_string());
    let service = Service::start(&[
        "--queue",
        "6",
        "--latency",
        &latency,
        "--timeout",
        "80",
        "--delay",
        "30",
        "--drain",
        &drain,
    ]);
    // An open stream waits for listeners that run too long. Without one, they are unfinished.
    let events = (round % 4 != 3).then(|| stream::watch(&service.url));
    let stopping = AtomicBool::new(false);
    let (progress, answers) = mpsc::channel();
    let mut answered = Answered::default();
    thread::scope(|scope| {
        let (url, stopping) = (&service.url, &stopping);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let progress = progress.clone();
                let name = format!("{round}-{client}");
                scope.spawn(move || send(url, &name, stopping, &progress))
            })
            .collect();
        for _ in 0..stop_after {
            answers.recv_timeout(TIME_LIMIT).expect("an answer");
        }
        stopping.store(true, Ordering::SeqCst);
        service.signal(Signal::TERM);
        for client in clients {
            let one = client.join().expect("the client ends");
            answered.rejected += one.rejected;
            for (order, id) in one.accepted {
                let former = answered.accepted.insert(order, id);
                assert_eq!(former, None, "order {order} twice");
            }
        }
    });
    let ended = service.end();
    let seen = events.map(|events| events.join().expect("the stream ends"));
    (answered, ended, seen)
}

/// The counts of the service are those of its clients, and each order has one end.
fn assert_accounted(answered: &Answered, ended: &Ended) {
    let accepted = answered.accepted.len() as u64;
    assert_eq!(ended.value("accepted"), accepted);
    assert_eq!(ended.value("rejected"), answered.rejected);
    let fates = ended.fates();
    assert!(fates.keys().eq(answered.accepted.keys()), "{fates:?}");
    for fate in ["handled", "failed", "discarded", "unfinished"] {
        let orders = fates.values().filter(|found| **found == fate).count();
        assert_eq!(ended.value(fate), orders as u64, "{fate}");
    }
}

/// What a listener logs is in the span of the request that placed the order.
fn assert_traced(answered: &Answered, ended: &Ended) {
    let mut traced = 0;
    for line in &ended.logged {
        let Some((order, rest)) = order_in(line) else {
            continue;
        };
        if rest.starts_with("charged") || rest.starts_with("notified") {
            let id = &answered.accepted[&order];
            assert!(line.contains(&format!("request{{id={id} ")), "{id}: {line}");
            traced += 1;
        }
    }
    let handled = ended.value("handled") as usize;
    assert!(traced >= 2 * handled, "{traced} lines for {handled} orders");
}

/// E4, E1, A3, A4, W4: SIGTERM at a random moment, with and without enough time to drain.
#[test]
fn every_accepted_order_is_handled_or_reported_whenever_it_stops() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut accepted_in_all, mut left, mut full) = (0, 0, 0);
    let mut fates = BTreeMap::new();
    for round in 0..ROUNDS {
        let has_time = round % 2 == 0;
        let latency = random.u64(..30);
        let drain = if has_time { 60_000 } else { random.u64(..100) };
        let stop_after = random.usize(1..=CLIENTS * REQUESTS * 2 / 3);
        eprintln!("round {round}: latency {latency}, drain {drain}, {stop_after} answers");
        let (answered, ended, seen) = run(round, latency, drain, stop_after);
        assert_accounted(&answered, &ended);
        assert_traced(&answered, &ended);

        let is_drained = ended.code == Some(0);
        ended.assert_code(if is_drained { 0 } else { 1 });
        let (accepted, discarded) = (ended.value("accepted"), ended.value("discarded"));
        let sent = seen.map(|seen| seen.placed + seen.missed);
        if is_drained {
            assert_eq!((discarded, ended.value("unfinished")), (0, 0));
            assert!(sent.is_none_or(|sent| sent == accepted), "{sent:?}");
        } else {
            assert!(!has_time, "{:#?}", ended.printed);
            let sendable = ended.value("handled")..=accepted - discarded;
            assert!(sent.is_none_or(|sent| sendable.contains(&sent)), "{sent:?}");
            left += 1;
        }
        for fate in ended.fates().into_values() {
            *fates.entry(fate.to_owned()).or_insert(0) += 1;
        }
        accepted_in_all += answered.accepted.len();
        full += answered.rejected;
    }
    eprintln!("{accepted_in_all} accepted: {fates:?}; {full} rejected; {left} rounds not drained");
    assert!(accepted_in_all >= ROUNDS && full > 0 && left > 0);
}
