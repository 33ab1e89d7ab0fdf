//! The counts in metrics equal those of reports and pools.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::metrics::{Metrics, OTHER, UNNAMED};
use soiree::{
    Event, EventPool, ListenerOptions, Overflow, Payload, PoolStats, Report, Retry, WorkerPool,
};

use crate::text::Text;

/// The sums of reports.
#[derive(Default, Debug, PartialEq)]
struct Sum {
    delivered: u64,
    failed: u64,
    not_called: u64,
    retried: u64,
    aborted: u64,
    discarded: u64,
}

impl Sum {
    fn add(&mut self, report: &Report) {
        self.delivered += report.delivered();
        self.failed += report.failed();
        self.not_called += report.not_called();
        self.retried += report.retried();
        self.aborted += u64::from(report.is_aborted());
        self.discarded += u64::from(report.is_discarded());
    }
}

fn named(name: &str) -> ListenerOptions {
    ListenerOptions::new().name(name)
}

fn fails_at_first(event: &dyn Event) -> Result<(), &'static str> {
    if event.attempt() < 3 {
        return Err("not yet");
    }
    Ok(())
}

/// E1, E2, P1: after a known load of every kind, the counts in metrics equal those of reports and pools exactly.
#[test]
fn counts_equal_those_of_reports_and_pools() {
    let small = WorkerPool::builder().name("small").max_workers(1);
    let small = small.capacity(1).overflow(Overflow::Reject).build();
    let latest = WorkerPool::builder().name("latest").max_workers(1);
    let latest = latest.capacity(1).overflow(Overflow::DropOldest).build();
    let soiree = EventPool::builder()
        .bulkhead("small", small.unwrap())
        .route("small.**", "small")
        .bulkhead("latest", latest.unwrap())
        .route("latest.**", "latest")
        .build()
        .unwrap();
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "main").unwrap();

    soiree.on_with("a.*", named("well"), |_| ()).unwrap();
    soiree.on("a.*", |_| ()).unwrap();
    let fails = |_: &dyn Event| Err::<(), _>("no");
    soiree.on_with("a.fails", named("fails"), fails).unwrap();
    let panics = |_: &dyn Event| std::panic::resume_unwind(Box::new("no"));
    soiree.on_with("a.panics", named("panics"), panics).unwrap();
    let retry = Retry::exponential(Duration::from_millis(1), 3);
    let flaky = named("flaky").retry(retry.clone());
    soiree.on_with("a.flaky", flaky, fails_at_first).unwrap();
    let hopeless = named("hopeless").retry(retry);
    soiree.on_with("a.hopeless", hopeless, fails).unwrap();
    let aborts = |event: &dyn Event| event.set_aborted(true);
    soiree.on_with("b.aborts", named("aborts"), aborts).unwrap();
    let (started, has_started) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let holds = move |_: &dyn Event| {
        started.send(()).unwrap();
        may_go_on.lock().unwrap().recv().unwrap();
    };
    soiree.on_with("*.job", named("holds"), holds).unwrap();
    let elsewhere = named("elsewhere").pool("small");
    soiree.on_with("c.*", elsewhere, |_| ()).unwrap();

    let mut sum = Sum::default();
    let (mut accepted, mut emissions) = (0, Vec::new());
    // The only worker is held and the queue is full: four more are rejected, and a listener on that pool is not called.
    emissions.push(soiree.emit("small.job", ()).unwrap());
    has_started.recv().unwrap();
    emissions.push(soiree.emit("small.job", ()).unwrap());
    for _ in 0..4 {
        soiree.emit("small.job", ()).unwrap_err();
    }
    sum.add(&soiree.emit("c.one", ()).unwrap().wait());
    accepted += 3;
    go_on.send(()).unwrap();
    go_on.send(()).unwrap();

    emissions[1].wait();
    has_started.recv().unwrap();
    // Of three emissions that would wait, the newest replaces the older two.
    emissions.push(soiree.emit("latest.job", ()).unwrap());
    has_started.recv().unwrap();
    for _ in 0..3 {
        emissions.push(soiree.emit("latest.job", ()).unwrap());
    }
    accepted += 4;
    go_on.send(()).unwrap();
    go_on.send(()).unwrap();

    for topic in ["a.well", "a.fails", "a.panics", "a.flaky", "a.hopeless"] {
        for _ in 0..20 {
            emissions.push(soiree.emit(topic, ()).unwrap());
            sum.add(&soiree.emit_sync(topic, ()).unwrap());
            accepted += 2;
        }
    }
    for topic in ["b.aborts", "nobody.listens", "nobody.listens"] {
        emissions.push(soiree.emit(topic, ()).unwrap());
        accepted += 1;
    }
    soiree.emit("bad..topic", ()).unwrap_err();
    for emission in emissions {
        sum.add(&emission.wait());
    }
    soiree.close().unwrap();
    soiree.emit("a.well", ()).unwrap_err();
    soiree.emit_sync("a.well", ()).unwrap_err();

    let text = Text::of(&metrics);
    assert_eq!(text.value("soiree_emissions_accepted_total", &[]), accepted);
    let refused = |reason| text.value("soiree_emissions_rejected_total", &[("reason", reason)]);
    assert_eq!(refused("full"), 4);
    assert_eq!(refused("invalid_topic"), 1);
    assert_eq!(refused("closed"), 2);
    assert_eq!(refused("other"), 0);
    assert_eq!(
        text.value("soiree_emissions_aborted_total", &[]),
        sum.aborted
    );
    assert_eq!(text.value("soiree_emissions_discarded_total", &[]), 2);
    assert_eq!(sum.discarded, 2);
    // 40 each of those that fail, that panic and that are hopeless, and one that was not called.
    assert_eq!(text.value("soiree_emissions_failed_total", &[]), 121);
    assert_eq!(text.value("soiree_emissions_unheard_total", &[]), 2);
    assert_eq!(text.value("soiree_dead_letters_total", &[]), 40);

    // Each listener: delivered, failed, panicked, retried, not called.
    let all = [
        (("well", "a.*"), [200, 0, 0, 0, 0]),
        ((UNNAMED, "a.*"), [200, 0, 0, 0, 0]),
        (("fails", "a.fails"), [40, 40, 0, 0, 0]),
        (("panics", "a.panics"), [40, 0, 40, 0, 0]),
        (("flaky", "a.flaky"), [40, 80, 0, 80, 0]),
        (("hopeless", "a.hopeless"), [40, 120, 0, 80, 0]),
        (("aborts", "b.aborts"), [1, 0, 0, 0, 0]),
        (("holds", "*.job"), [4, 0, 0, 0, 0]),
        (("elsewhere", "c.*"), [0, 0, 0, 0, 1]),
    ];
    let mut of_listeners = Sum::default();
    for ((name, pattern), expected) in all {
        let labels = [("listener", name), ("pattern", pattern)];
        let read = |counter| text.value(&format!("soiree_listener_{counter}_total"), &labels);
        let counts = ["delivered", "failed", "panicked", "retried", "not_called"].map(read);
        assert_eq!(counts, expected, "{name}");
        let runs = text.value("soiree_listener_run_seconds_count", &labels);
        let [delivered, failed, panicked, retried, not_called] = counts;
        assert_eq!(runs, delivered + retried, "{name}");
        of_listeners.delivered += delivered;
        of_listeners.failed += failed + panicked - retried;
        of_listeners.not_called += not_called;
        of_listeners.retried += retried;
    }
    (sum.aborted, sum.discarded) = (0, 0);
    assert_eq!(of_listeners, sum);

    for (pool, stats) in &soiree.stats().pools {
        assert_pool(&text, pool, stats);
    }
}

#[track_caller]
fn assert_pool(text: &Text, pool: &str, stats: &PoolStats) {
    let read = |name: &str| text.value(&format!("soiree_pool_{name}"), &[("pool", pool)]);
    let counters = [
        ("jobs_submitted_total", stats.submitted),
        ("jobs_rejected_total", stats.rejected),
        ("jobs_successful_total", stats.successful),
        ("jobs_failed_total", stats.failed),
        ("jobs_completed_total", stats.completed()),
        ("jobs_expired_total", stats.expired),
        ("jobs_discarded_total", stats.discarded),
        ("job_wait_seconds_count", stats.completed()),
        ("job_run_seconds_count", stats.completed()),
    ];
    for (name, expected) in counters {
        assert_eq!(read(name), expected, "{pool} {name}");
    }
    let gauges = [
        ("workers_running", stats.running),
        ("workers_idle", stats.idle),
        ("workers_max", stats.max_workers),
        ("workers_min", stats.min_workers),
        ("workers_peak", stats.peak_running),
        ("jobs_waiting_peak", stats.peak_waiting),
        ("jobs_active", stats.active),
        ("jobs_waiting", stats.waiting),
        ("capacity", stats.capacity),
    ];
    for (name, expected) in gauges {
        assert_eq!(read(name), expected as u64, "{pool} {name}");
    }
}

/// Gauges show the moment at which they are read.
#[test]
fn gauges_show_the_moment_at_which_they_are_read() {
    let soiree = EventPool::with_pool(WorkerPool::new(1, 4).unwrap());
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    let may_go_on = Mutex::new(may_go_on);
    let holds = move |_: &dyn Event| {
        started.send(()).unwrap();
        may_go_on.lock().unwrap().recv().unwrap();
    };
    soiree.on("held", holds).unwrap();
    let emit = || soiree.emit("held", ()).unwrap();
    let first = emit();
    has_started.recv().unwrap();
    let emissions = [first, emit(), emit()];
    let gauge = |name| Text::of(&metrics).value(name, &[("pool", "default")]);
    assert_eq!(gauge("soiree_pool_jobs_active"), 1);
    assert_eq!(gauge("soiree_pool_jobs_waiting"), 2);
    for _ in &emissions {
        go_on.send(()).unwrap();
    }
    soiree.close().unwrap();
    assert_eq!(gauge("soiree_pool_jobs_active"), 0);
    assert_eq!(gauge("soiree_pool_jobs_waiting"), 0);
    assert_eq!(gauge("soiree_pool_workers_peak"), 1);
    assert_eq!(gauge("soiree_pool_jobs_waiting_peak"), 2);
    assert_eq!(gauge("soiree_pool_jobs_completed_total"), 3);
}

/// A run that takes too long is counted once, while it runs.
#[test]
fn a_slow_run_is_counted_once() {
    let soiree = EventPool::new();
    let metrics = Metrics::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    let (reported, reports) = mpsc::channel();
    soiree.set_slow_listener_handler(move |slow| reported.send(slow.ended).unwrap());
    let reports = Mutex::new(reports);
    let slow = named("slow").slow_after(Duration::from_millis(1));
    let waits = move |_: &dyn Event| assert!(!reports.lock().unwrap().recv().unwrap());
    soiree.on_with("a", slow, waits).unwrap();
    let report = soiree.emit("a", ()).unwrap().wait();
    assert_eq!((report.delivered(), report.failed()), (1, 0));
    soiree.close().unwrap();
    let slow = Text::of(&metrics).value("soiree_listener_slow_total", &[("listener", "slow")]);
    assert_eq!(slow, 1);
}

/// T3: any number of topics and patterns makes a bounded number of series. Whatever gets no series of its own still counts.
#[test]
fn the_number_of_series_is_bounded() {
    let metrics = Metrics::builder().max_label_sets(10).build().unwrap();
    let soiree = EventPool::new();
    soiree.add_metrics(&metrics, "main").unwrap();
    soiree.on_with("**", named("all"), |_| ()).unwrap();
    for number in 0..100 {
        let pattern = format!("session.{number}");
        soiree.on_with(&pattern, named("one"), |_| ()).unwrap();
        soiree.emit_sync(&pattern, ()).unwrap();
    }
    let text = Text::of(&metrics);
    let delivered = |labels: &[_]| text.find("soiree_listener_delivered_total", labels);
    assert_eq!(delivered(&[("listener", "all")]), Some(100.0));
    assert_eq!(delivered(&[("pattern", "session.8")]), Some(1.0));
    assert_eq!(delivered(&[("pattern", "session.9")]), None);
    let other = [("listener", OTHER), ("pattern", OTHER)];
    assert_eq!(delivered(&other), Some(91.0));
    let overflowed = text.value("soiree_metrics_overflowed_total", &[("of", "listener")]);
    assert_eq!(overflowed, 91);
    let series = text.as_str().matches("\nsoiree_listener_delivered_total{");
    assert_eq!(series.count(), 11);
    soiree.close().unwrap();
}

/// Two `EventPool`s in one process have separate metrics. Each name can be used once.
#[test]
fn event_pools_are_distinguished_by_name() {
    let metrics = Metrics::new();
    let (one, other) = (EventPool::new(), EventPool::new());
    one.add_metrics(&metrics, "one").unwrap();
    other.add_metrics(&metrics, "other").unwrap();
    let taken = other.add_metrics(&metrics, "one").unwrap_err();
    assert_eq!(
        taken.to_string(),
        "there are metrics of the name \"one\" already"
    );
    let empty = other.add_metrics(&metrics, "").unwrap_err();
    assert_eq!(empty.to_string(), "the name in metrics is empty");

    one.emit_sync("a", ()).unwrap();
    other.emit_sync("a", ()).unwrap();
    other.emit_sync("a", ()).unwrap();
    let accepted = |name| {
        let labels = [("event_pool", name)];
        Text::of(&metrics).find("soiree_emissions_accepted_total", &labels)
    };
    assert_eq!((accepted("one"), accepted("other")), (Some(1.0), Some(2.0)));
    one.close().unwrap();
    other.close().unwrap();
}

/// Metrics end with their `EventPool`, and its name is free again, also while a payload is kept. The returned handle keeps them readable.
#[test]
fn metrics_end_with_their_event_pool() {
    let metrics = Metrics::new();
    let soiree = EventPool::new();
    let own = soiree.add_metrics(&metrics, "main").unwrap();
    let (sender, kept) = mpsc::channel();
    let keep = move |event: &dyn Event| sender.send(event.payload()).unwrap();
    soiree.on("a", keep).unwrap();
    soiree.emit("a", ()).unwrap();
    soiree.close().unwrap();
    drop(soiree);
    let kept: Payload = kept.try_recv().unwrap();
    let text = Text::of(&metrics);
    assert_eq!(text.value("soiree_emissions_accepted_total", &[]), 1);
    assert_eq!(text.find("soiree_pool_workers_max", &[]), None);

    let alive = Arc::downgrade(&own);
    drop(own);
    assert!(alive.upgrade().is_none(), "something holds the metrics");
    let text = Text::of(&metrics);
    assert_eq!(text.find("soiree_emissions_accepted_total", &[]), None);
    metrics.event_pool("main").unwrap();
    assert!(kept.is::<()>());
}

/// L3: names with special characters are escaped.
#[test]
fn names_are_escaped() {
    let metrics = Metrics::new();
    let soiree = EventPool::new();
    soiree.add_metrics(&metrics, "a\"b\\c\nd").unwrap();
    soiree.on_with("x", named("</script>\"\\"), |_| ()).unwrap();
    soiree.emit_sync("x", ()).unwrap();
    let text = Text::of(&metrics);
    let expected = r#"soiree_listener_delivered_total{event_pool="a\"b\\c\nd",listener="</script>\"\\",pattern="x"} 1"#;
    assert!(text.as_str().lines().any(|line| line == expected));
    soiree.close().unwrap();
}
