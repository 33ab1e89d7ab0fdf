//! The values that the page shows, gathered by an observer.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::{Value, json};
use soiree::observe::{
    EmissionAccepted, EmissionEnded, EmissionRejected, EmissionStarted, JobStarted, ListenerEnded,
    ListenerRef, ListenerStarted, Observer, Rejection, RetryScheduled, SlowListener,
    SubscriptionAdded, UnheardEvent,
};
use soiree::{DeadLetter, Event, EventId, Pattern, PoolStats, Stats};

use crate::listeners::{Awaited, Calls};
use crate::recent::{Recent, WINDOW};

pub(crate) struct Board {
    since: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    offered: u64,
    rejected: u64,
    unheard_events: u64,
    dead_letters: u64,
    waits: BTreeMap<String, Recent>,
    listeners: BTreeMap<Key, Listener>,
    in_flight: HashMap<EventId, InFlight>,
}

/// The name and the pattern of a listener.
type Key = (String, String);

struct Listener {
    pattern: Pattern,
    calls: Calls,
}

/// An emission that has not ended.
struct InFlight {
    since: Instant,
    /// The listeners that it has not reached.
    unreached: Vec<Key>,
}

thread_local! {
    /// Emissions that this thread has started, and that are neither accepted nor rejected, one inside another.
    static STARTED: RefCell<Vec<EventId>> = const { RefCell::new(Vec::new()) };
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            since: Instant::now(),
            seen: Mutex::default(),
        }
    }

    /// Returns everything that the page shows.
    pub(crate) fn status(&self, stats: &Stats) -> Value {
        let mut seen = self.seen();
        let mut awaited: HashMap<Key, Awaited> = HashMap::new();
        for emission in seen.in_flight.values() {
            for key in &emission.unreached {
                let awaited = awaited.entry(key.clone()).or_default();
                awaited.add(emission.since.elapsed());
            }
        }
        let pools: Vec<Value> = stats
            .pools
            .iter()
            .map(|(name, stats)| pool(name, stats, seen.waits.entry(name.to_string()).or_default()))
            .collect();
        let listeners: Vec<Value> = seen
            .listeners
            .iter_mut()
            .map(|(key, listener)| {
                let awaited = awaited.remove(key).unwrap_or_default();
                listener.calls.status(&key.0, &key.1, &awaited)
            })
            .collect();
        let waiting = &stats.waiting;
        json!({
            "uptime_seconds": self.since.elapsed().as_secs_f64(),
            "window_seconds": WINDOW.as_secs_f64(),
            "emissions": {
                "offered": seen.offered,
                "rejected": seen.rejected,
                "unheard_events": seen.unheard_events,
                "dead_letters": seen.dead_letters,
                "in_flight": stats.in_flight,
                "waiting": {
                    "blocked": waiting.blocked,
                    "key": waiting.key,
                    "place": waiting.place,
                    "queue": waiting.queue,
                    "retry": waiting.retry,
                },
            },
            "pools": pools,
            "listeners": listeners,
        })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn calls(&mut self, listener: &ListenerRef<'_>) -> &mut Calls {
        let new = || Listener {
            pattern: Pattern::new(listener.pattern).expect("it is the pattern of a listener"),
            calls: Calls::default(),
        };
        let listener = self.listeners.entry(key(listener));
        &mut listener.or_insert_with(new).calls
    }

    /// The event has reached the listener, or will not.
    fn reached(&mut self, event: EventId, listener: &ListenerRef<'_>) {
        let Some(emission) = self.in_flight.get_mut(&event) else {
            return;
        };
        let key = key(listener);
        let at = emission.unreached.iter().position(|one| *one == key);
        at.map(|at| emission.unreached.swap_remove(at));
    }
}

fn key(listener: &ListenerRef<'_>) -> Key {
    let name = listener.name.unwrap_or("(no name)");
    (name.into(), listener.pattern.into())
}

/// The ID of an event, which is made if it has none. Not under the lock.
fn id(event: &dyn Event) -> EventId {
    event.id()
}

fn no_longer_starting() -> Option<EventId> {
    STARTED.with_borrow_mut(Vec::pop)
}

impl Observer for Board {
    fn subscription_added(&self, added: &SubscriptionAdded<'_>) {
        self.seen().calls(&added.listener);
    }

    fn emission_started(&self, started: &EmissionStarted<'_>) {
        let id = id(started.event);
        STARTED.with_borrow_mut(|all| all.push(id));
        let mut seen = self.seen();
        seen.offered += 1;
        let listeners = seen.listeners.iter();
        let matching = listeners.filter(|(_, listener)| listener.pattern.matches(started.topic));
        let unreached = matching.map(|(key, _)| key.clone()).collect();
        let since = Instant::now();
        seen.in_flight.insert(id, InFlight { since, unreached });
    }

    fn emission_accepted(&self, _: &EmissionAccepted<'_>) {
        no_longer_starting();
    }

    fn emission_rejected(&self, rejected: &EmissionRejected<'_>) {
        let has_started = matches!(
            rejected.reason,
            Rejection::Pool { .. } | Rejection::Order(_)
        );
        let id = has_started.then(no_longer_starting).flatten();
        let mut seen = self.seen();
        seen.rejected += 1;
        id.map(|id| seen.in_flight.remove(&id));
    }

    fn emission_ended(&self, ended: &EmissionEnded<'_>) {
        let id = id(ended.event);
        self.seen().in_flight.remove(&id);
    }

    fn unheard_event(&self, _: &UnheardEvent<'_>) {
        self.seen().unheard_events += 1;
    }

    fn dead_letter(&self, _: &DeadLetter) {
        self.seen().dead_letters += 1;
    }

    fn job_started(&self, started: &JobStarted<'_>) {
        let mut seen = self.seen();
        let waits = seen.waits.entry(started.pool.into()).or_default();
        waits.add(started.waited.as_secs_f64());
    }

    fn listener_started(&self, started: &ListenerStarted<'_>) {
        let id = id(started.event);
        let mut seen = self.seen();
        seen.calls(&started.listener).started();
        seen.reached(id, &started.listener);
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        let id = id(ended.event);
        let mut seen = self.seen();
        seen.calls(&ended.listener).ended(ended);
        seen.reached(id, &ended.listener);
    }

    fn retry_scheduled(&self, retry: &RetryScheduled<'_>) {
        self.seen().calls(&retry.listener).retried += 1;
    }

    fn listener_slow(&self, slow: &SlowListener<'_>) {
        let mut seen = self.seen();
        let calls = seen.calls(&slow.listener);
        if slow.ended {
            calls.was_slow();
        } else {
            calls.is_slow();
        }
    }
}

fn pool(name: &str, stats: &PoolStats, waits: &mut Recent) -> Value {
    json!({
        "name": name,
        "running": stats.running,
        "idle": stats.idle,
        "active": stats.active,
        "max_workers": stats.max_workers,
        "waiting": stats.waiting,
        "capacity": stats.capacity,
        "without_place": stats.requeued + stats.blocked,
        "submitted": stats.submitted,
        "rejected": stats.rejected,
        "expired": stats.expired,
        "discarded": stats.discarded,
        "completed": stats.completed(),
        "wait_seconds": waits.percentiles(),
    })
}
