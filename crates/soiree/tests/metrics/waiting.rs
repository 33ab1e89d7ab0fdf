//! Gauges and rejections account for what has started and not ended, and for what was rejected.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use soiree::metrics::Metrics;
use soiree::{
    Event, EventPool, KeyOrder, ListenerOptions, Overflow, Retry, WhenPoolFull, WorkerPool,
};

use crate::text::Text;

const TIME_LIMIT: Duration = Duration::from_secs(60);
const CAUSES: [&str; 6] = ["blocked", "key", "place", "queue", "retry", "turn"];

/// A listener that blocks until as many messages were sent, and a receiver that says when a call starts.
fn held() -> (
    impl Fn(&dyn Event) + Send + Sync + 'static,
    mpsc::Sender<()>,
    mpsc::Receiver<()>,
) {
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let may_go_on = Mutex::new(may_go_on);
    let holds = move |_: &dyn Event| {
        let _ = started.send(());
        // A test that fails drops the sender.
        let _ = may_go_on.lock().unwrap().recv();
    };
    (holds, go_on, has_started)
}

#[track_caller]
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + TIME_LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "timed out before {what}");
        thread::yield_now();
    }
}

/// P1: gauges show what waits by cause, and with the active jobs they add up to the emissions in flight.
#[test]
fn the_gauges_of_waiting_emissions_add_up_to_those_in_flight() {
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(2, 4).unwrap())
        .bulkhead("own", WorkerPool::new(1, 1).unwrap())
        .ordered("key", KeyOrder::by(|_| Some(1)))
        .build()
        .unwrap();
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let read = || {
        let text = Text::of(&metrics);
        let waiting = |cause| text.value("soiree_emissions_waiting", &[("cause", cause)]);
        let waiting = CAUSES.map(waiting);
        let active = |pool| text.value("soiree_pool_jobs_active", &[("pool", pool)]);
        let active = active("default") + active("own");
        let in_flight = text.value("soiree_emissions_in_flight", &[]);
        assert_eq!(
            in_flight,
            waiting.iter().sum::<u64>() + active,
            "{waiting:?}"
        );
        (waiting, in_flight)
    };
    assert_eq!(read(), ([0; 6], 0));

    let retry = ListenerOptions::new().retry(Retry::fixed(10 * TIME_LIMIT, 2));
    soiree
        .on_with("retry", retry, |_| Err::<(), _>("no"))
        .unwrap();
    soiree.emit("retry", ()).unwrap();
    wait_until("the retry waits", || soiree.stats().waiting.retry == 1);
    let own = ListenerOptions::new().pool("own");
    let (holds, own_may_go_on, _own_started) = held();
    let own = own.when_full(WhenPoolFull::Wait);
    soiree.on_with("own", own, holds).unwrap();
    (0..4).for_each(|_| drop(soiree.emit("own", ()).unwrap()));
    wait_until("two calls wait for a place", || {
        let stats = soiree.stats();
        stats.waiting.place == 2 && stats.active == 1
    });
    let (holds, key_may_go_on, key_started) = held();
    soiree.on("key", holds).unwrap();
    (0..4).for_each(|_| drop(soiree.emit("key", ()).unwrap()));
    key_started.recv_timeout(TIME_LIMIT).unwrap();
    let (holds, may_go_on, started) = held();
    soiree.on("held", holds).unwrap();
    (0..3).for_each(|_| drop(soiree.emit("held", ()).unwrap()));
    started.recv_timeout(TIME_LIMIT).unwrap();

    assert_eq!(read(), ([0, 3, 2, 3, 1, 0], 12));
    let text = Text::of(&metrics);
    let requeued = |pool| text.value("soiree_pool_jobs_requeued", &[("pool", pool)]);
    assert_eq!((requeued("own"), requeued("default")), (2, 0));
    drop((own_may_go_on, key_may_go_on, may_go_on));
    soiree
        .close_with_deadline(Instant::now() + TIME_LIMIT / 60)
        .unwrap_err();
    assert_eq!(read(), ([0; 6], 0));
}

/// P1: a submitter that is blocked shows in the gauge of its pool.
#[test]
fn blocked_submitters_are_shown() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 1).unwrap());
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let (holds, may_go_on, started) = held();
    soiree.on("held", holds).unwrap();
    soiree.emit("held", ()).unwrap();
    started.recv_timeout(TIME_LIMIT).unwrap();
    soiree.emit("held", ()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| drop(soiree.emit("held", ()).unwrap()));
        wait_until("the emit is blocked", || soiree.pool_stats().blocked == 1);
        let text = Text::of(&metrics);
        assert_eq!(text.value("soiree_pool_submitters_blocked", &[]), 1);
        let blocked = [("cause", "blocked")];
        assert_eq!(text.value("soiree_emissions_waiting", &blocked), 1);
        assert_eq!(text.value("soiree_emissions_in_flight", &[]), 3);
        drop(may_go_on);
    });
    soiree.close().unwrap();
}

/// E2: what an order by key rejects is counted by its true reason.
#[test]
fn rejections_by_an_order_are_counted_by_reason() {
    let order = KeyOrder::by(|event| {
        assert!(event.payload_as::<()>().is_some(), "not for this payload");
        Some(1)
    });
    let order = order.capacity(1).overflow(Overflow::Reject);
    let soiree = EventPool::builder().ordered("key", order).build().unwrap();
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let (holds, may_go_on, started) = held();
    let weak = soiree.downgrade();
    soiree
        .on("key", move |event: &dyn Event| {
            // Its own key is busy, and inside a listener it must not wait.
            weak.upgrade().unwrap().emit_sync("key", ()).unwrap_err();
            holds(event);
        })
        .unwrap();
    soiree.emit("key", ()).unwrap();
    started.recv_timeout(TIME_LIMIT).unwrap();
    soiree.emit("key", ()).unwrap();
    for _ in 0..3 {
        soiree.emit("key", ()).unwrap_err();
    }
    for _ in 0..2 {
        soiree.emit("key", 1).unwrap_err();
    }
    let rejected = || {
        let text = Text::of(&metrics);
        let reason = |reason| text.value("soiree_emissions_rejected_total", &[("reason", reason)]);
        ["key_full", "key_panicked", "key_busy", "other"].map(reason)
    };
    assert_eq!(rejected(), [3, 2, 1, 0]);
    drop(may_go_on);
    soiree.close().unwrap();
    assert_eq!(rejected(), [3, 2, 2, 0]);
}

/// The counters of all series, by name and labels.
fn counters(metrics: &Metrics) -> BTreeMap<String, f64> {
    let text = metrics.encode();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let values = lines.filter_map(|line| line.rsplit_once(' '));
    let counters = values.filter(|(series, _)| {
        let name = series.split('{').next().unwrap_or_default();
        ["_total", "_count", "_bucket", "_sum"]
            .iter()
            .any(|end| name.ends_with(end))
    });
    let parsed = counters.map(|(series, value)| (series.to_owned(), value.parse().unwrap()));
    parsed.collect()
}

/// P1: no counter ever decreases, or goes away, whatever happens between two scrapes.
#[test]
fn no_counter_ever_decreases() {
    let small = WorkerPool::builder().max_workers(1).capacity(2);
    let small = small.overflow(Overflow::DropOldest).build().unwrap();
    let own = WorkerPool::builder().max_workers(1).capacity(1);
    let own = own.overflow(Overflow::Reject).build().unwrap();
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(2, 8).unwrap())
        .bulkhead("small", small)
        .route("small", "small")
        .bulkhead("own", own)
        .ordered(
            "key",
            KeyOrder::by(|event| event.payload_as::<u32>().map(|n| *n % 3)),
        )
        .build()
        .unwrap();
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let options = ListenerOptions::new;
    let retry = options().retry(Retry::fixed(Duration::from_micros(50), 3));
    soiree
        .on_with("*", retry, |event: &dyn Event| {
            (event.attempt() == 2).then_some(()).ok_or("no")
        })
        .unwrap();
    let waits = options().pool("own").when_full(WhenPoolFull::Wait);
    soiree.on_with("own", waits, |_| ()).unwrap();
    soiree
        .on_with("own", options().pool("own"), |_| ())
        .unwrap();
    let is_done = Arc::new(AtomicBool::new(false));
    let scrapes = thread::scope(|scope| {
        let scraper = scope.spawn(|| {
            let (mut before, mut scrapes) = (counters(&metrics), 0);
            let mut is_last = false;
            while !is_last {
                is_last = is_done.load(Ordering::SeqCst);
                let now = counters(&metrics);
                for (series, value) in &before {
                    let now = now.get(series).unwrap_or(&f64::NAN);
                    assert!(now >= value, "{series}: {value}, then {now}");
                }
                before = now;
                scrapes += 1;
            }
            scrapes
        });
        for number in 0..3_000_u32 {
            let topic = ["key", "small", "own"][number as usize / 7 % 3];
            let emission = soiree.emit(topic, number).unwrap();
            if number % 5 == 0 {
                emission.wait();
            }
        }
        soiree.close().unwrap();
        is_done.store(true, Ordering::SeqCst);
        scraper.join().unwrap()
    });
    assert!(scrapes > 1);
}
