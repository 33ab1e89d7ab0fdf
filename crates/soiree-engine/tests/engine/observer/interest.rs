//! Observers are notified of what they are interested in, and of what happens rarely.

use std::slice::from_ref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use soiree::{EventPool, WeakEventPool};
use soiree_core::{EmissionAccepted, Interest, Observer, Retry, SubscriptionAdded};
use soiree_testkit::{Journal, ManualPool, ManualTimer, Recorder};

use super::behavior::Behavior;
use crate::support::{TIME_LIMIT, named};

/// Every interest that differs from the others.
fn interests() -> Vec<Interest> {
    let emissions = [Interest::RARE, Interest::EMISSIONS];
    let jobs = [Interest::RARE, Interest::JOBS];
    let listeners = [Interest::RARE, Interest::FAILURES, Interest::LISTENERS];
    let with_jobs = emissions.map(|one| jobs.map(|other| one | other));
    let all = with_jobs.as_flattened().iter();
    all.flat_map(|one| listeners.map(|other| *one | other))
        .collect()
}

/// Whether an observer with this interest is notified of what this line of a journal says.
fn is_wanted(line: &str, interest: Interest) -> bool {
    let wanted = [
        ("emission started", Interest::EMISSIONS),
        ("emission ended", Interest::EMISSIONS),
        ("job ", Interest::JOBS),
        ("listener started", Interest::LISTENERS),
        ("listener slow", Interest::LISTENERS),
        (
            "listener ended",
            match line.ends_with("succeeded") {
                true => Interest::LISTENERS,
                false => Interest::LISTENERS | Interest::FAILURES,
            },
        ),
    ];
    let wanted = wanted.iter().find(|(prefix, _)| line.starts_with(prefix));
    wanted.is_none_or(|(_, wanted)| interest.intersects(*wanted))
}

/// The lines of a journal. A close removes listeners in any order.
fn lines(journal: &Journal) -> Vec<String> {
    let mut lines = journal.lines();
    lines.sort_by_key(|line| line.ends_with(", closed").then(|| line.clone()));
    lines
}

/// Those of another journal's lines that one with this interest has.
fn wanted(all: &Journal, interest: Interest) -> Vec<String> {
    let mut lines = lines(all);
    lines.retain(|line| is_wanted(line, interest));
    lines
}

/// Lets everything happen that a journal has a line for, to listeners of `a.b` that do this and to others.
fn run(behaviors: &[Behavior], journals: &[Journal]) {
    let [pool, small] = [ManualPool::new(), ManualPool::with_capacity(1)];
    let timer = ManualTimer::new();
    let builder = soiree::Builder::with_pool(Arc::new(pool.clone()));
    let builder = builder.timer(timer.clone());
    let builder = builder.bulkhead("small", Arc::new(small.clone()));
    let builder = journals
        .iter()
        .cloned()
        .fold(builder, |builder, journal| builder.observer(journal));
    let soiree = builder.build().unwrap();
    for (number, behavior) in behaviors.iter().enumerate() {
        behavior.subscribe(&soiree, &number.to_string());
    }
    let elsewhere = ["elsewhere", "rejected"].map(|name| named(name).pool("small"));
    for options in elsewhere {
        soiree.listen_with("a.c", options, Recorder::new()).unwrap();
    }
    let retried = named("retried").retry(Retry::fixed(Duration::from_secs(1), 2));
    let retried = retried.timeout(Duration::from_secs(9)).once();
    soiree
        .listen_with("a.c", retried, Recorder::failing("no"))
        .unwrap();
    for topic in ["a.b", "a.b", "a.c", "a.d"] {
        for _ in 0..2 {
            let emission = soiree.emit(topic, ()).unwrap();
            pool.run_all();
            timer.advance(Duration::from_secs(2));
            pool.run_all();
            small.run_all();
            assert!(!emission.wait().is_unfinished());
        }
        if topic != "a.c" {
            soiree.emit_sync(topic, ()).unwrap();
        }
    }
    let discarded = soiree.emit("a.b", ()).unwrap();
    assert!(pool.discard_next());
    assert!(discarded.wait().is_discarded());
    soiree.emit("a..b", ()).unwrap_err();
    soiree.close().unwrap();
    soiree.emit_sync("a.b", ()).unwrap_err();
}

/// E1: whatever else it is notified of, each alone gets the notifications that it wants, in the order of those of an observer that
/// wants all.
#[test]
fn an_observer_gets_what_it_is_interested_in() {
    for behaviors in Behavior::histories(2) {
        let all = Journal::new();
        run(&behaviors, from_ref(&all));
        for kind in [
            "job offered",
            "listener ended",
            "dead letter",
            "unheard event",
        ] {
            assert!(all.count(kind) > 0, "{kind}");
        }
        for interest in interests() {
            let journal = Journal::new().interested_in(interest);
            run(&behaviors, from_ref(&journal));
            assert_eq!(
                lines(&journal),
                wanted(&all, interest),
                "{interest:?} {behaviors:?}"
            );
        }
    }
}

/// E1: what one wants changes nothing for another.
#[test]
fn observers_with_different_interests_get_theirs() {
    let behaviors = [Behavior::Succeeds, Behavior::Fails, Behavior::Panics];
    let all = Journal::new();
    run(&behaviors, from_ref(&all));
    for one in interests() {
        for other in interests() {
            let both = [one, other].map(|interest| Journal::new().interested_in(interest));
            run(&behaviors, &both);
            for (journal, interest) in both.iter().zip([one, other]) {
                assert_eq!(
                    lines(journal),
                    wanted(&all, interest),
                    "{interest:?} of {one:?}, {other:?}"
                );
            }
        }
    }
}

/// Counts accepted emissions.
struct Accepted(Interest, AtomicUsize);

impl Observer for Accepted {
    fn interest(&self) -> Interest {
        self.0
    }

    fn emission_accepted(&self, _: &EmissionAccepted<'_>) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}

/// E2: as with those that start, on a pool and on the calling thread.
#[test]
fn accepted_emissions_are_for_those_who_want_emissions() {
    let soiree = EventPool::with_pool(Arc::new(ManualPool::new()));
    let accepted = interests().into_iter().map(|interest| {
        let accepted = Arc::new(Accepted(interest, AtomicUsize::new(0)));
        soiree.add_observer(Arc::clone(&accepted));
        accepted
    });
    let accepted: Vec<_> = accepted.collect();
    soiree.on("a.b", |_| ()).unwrap();
    soiree.emit("a.b", ()).unwrap();
    soiree.emit_sync("a.b", ()).unwrap();
    for one in accepted {
        let expected = if one.0.intersects(Interest::EMISSIONS) {
            2
        } else {
            0
        };
        assert_eq!(one.1.load(Ordering::Relaxed), expected, "{:?}", one.0);
    }
}

/// Subscribes a listener when it is asked for its interest.
struct Subscribes {
    soiree: OnceLock<WeakEventPool>,
    asked: AtomicUsize,
    added: AtomicUsize,
}

impl Observer for Subscribes {
    fn interest(&self) -> Interest {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let soiree = self.soiree.get().and_then(WeakEventPool::upgrade).unwrap();
        soiree.on("a.b", |_| ()).unwrap();
        soiree.set_slow_listeners(TIME_LIMIT);
        panic!("it is notified of everything then");
    }

    fn subscription_added(&self, _: &SubscriptionAdded<'_>) {
        self.added.fetch_add(1, Ordering::Relaxed);
    }
}

/// L3, L4: it is asked once, under no lock, and its panic is caught.
#[test]
fn an_observer_may_use_the_event_pool_when_it_is_asked_for_its_interest() {
    let soiree = EventPool::new();
    let observer = Arc::new(Subscribes {
        soiree: OnceLock::new(),
        asked: AtomicUsize::new(0),
        added: AtomicUsize::new(0),
    });
    let _ = observer.soiree.set(soiree.downgrade());
    soiree.add_observer(Arc::clone(&observer));
    soiree.on("c.d", |_| ()).unwrap();
    soiree.add_observer(Journal::new());
    soiree.emit_sync("a.b", ()).unwrap();
    let counts = [&observer.asked, &observer.added].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(counts, [1, 1]);
}
