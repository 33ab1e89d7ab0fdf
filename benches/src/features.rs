//! What the features of soiree cost: one emit to one listener, with one feature more than a plain one.

#[cfg(feature = "durable")]
mod durable;

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use soiree::observe::{Interest, Observer};
use soiree::{
    Builder, Emission, Event, EventPool, InboxOptions, KeyOrder, ListenerOptions, Received, Retry,
};
use soiree_testkit::ManualPool;

use crate::case::Case;
use crate::emit_loop::EmitLoop;
use crate::listener::{TOPIC, count_call};

/// Longer than a listener takes.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn cases() -> Vec<Case> {
    let cases = [on_this_thread(), through_a_pool()];
    #[cfg(feature = "durable")]
    let cases = cases.into_iter().chain([durable::cases()]);
    cases.into_iter().flatten().collect()
}

/// `emit_sync`.
fn on_this_thread() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |subject, make: fn() -> EventPool| {
        let case = move || {
            let soiree = make();
            EmitLoop::new(1, move |payload| emit_sync(&soiree, payload))
        };
        cases.push(Case::new("feature-sync", subject, case));
    };
    add("plain", || {
        listened(EventPool::new(), ListenerOptions::new())
    });
    add("a filter", || listened(EventPool::new(), filtered()));
    add("a name", || listened(EventPool::new(), named()));
    add("an observer", || {
        listened(
            build(observed(EventPool::builder())),
            ListenerOptions::new(),
        )
    });
    add("an observer of emissions", || {
        listened(
            build(observed_for(EventPool::builder(), Interest::EMISSIONS)),
            ListenerOptions::new(),
        )
    });
    add("an observer of failures", || {
        listened(
            build(observed_for(EventPool::builder(), Interest::FAILURES)),
            ListenerOptions::new(),
        )
    });
    add("order by key", || {
        listened(build(ordered(EventPool::builder())), ListenerOptions::new())
    });
    add("a timeout", || listened(EventPool::new(), timed()));
    add("a retry", || listened(EventPool::new(), retried()));
    cases.push(Case::new("feature-sync", "an inbox", inbox_on_this_thread));
    cases
}

/// `emit` on a pool that the emitting thread itself empties, so that the order of threads has no influence.
fn through_a_pool() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |subject, make: fn(Builder) -> EventPool| {
        cases.push(Case::new("feature-emit", subject, move || {
            through(make, emit)
        }));
    };
    add("plain", |builder| {
        listened(build(builder), ListenerOptions::new())
    });
    add("a filter", |builder| listened(build(builder), filtered()));
    add("a name", |builder| listened(build(builder), named()));
    add("an observer", |builder| {
        listened(build(observed(builder)), ListenerOptions::new())
    });
    add("an observer of emissions", |builder| {
        let observed = observed_for(builder, Interest::EMISSIONS);
        listened(build(observed), ListenerOptions::new())
    });
    add("an observer of failures", |builder| {
        let observed = observed_for(builder, Interest::FAILURES);
        listened(build(observed), ListenerOptions::new())
    });
    add("order by key", |builder| {
        listened(build(ordered(builder)), ListenerOptions::new())
    });
    add("a timeout", |builder| listened(build(builder), timed()));
    add("a retry", |builder| listened(build(builder), retried()));
    cases.push(Case::new("feature-emit", "emit_async", || {
        let make = |builder| listened(build(builder), ListenerOptions::new());
        through(make, emit_async)
    }));
    cases.push(Case::new("feature-emit", "a pool of its own", on_own_pool));
    cases.push(Case::new("feature-emit", "an inbox", inbox_through_a_pool));
    cases
}

fn build(builder: Builder) -> EventPool {
    builder.build().expect("the settings are valid")
}

fn listened(soiree: EventPool, options: ListenerOptions) -> EventPool {
    let subscribed = soiree.on_with(TOPIC, options, |_: &dyn Event| count_call());
    subscribed.expect("the topic is valid");
    soiree
}

fn filtered() -> ListenerOptions {
    ListenerOptions::new().filter(|event| black_box(event).topic().len() == TOPIC.len())
}

fn named() -> ListenerOptions {
    ListenerOptions::new().name("counter")
}

fn timed() -> ListenerOptions {
    ListenerOptions::new().timeout(LIMIT)
}

fn retried() -> ListenerOptions {
    ListenerOptions::new().retry(Retry::fixed(LIMIT, 3))
}

/// An observer that does nothing.
struct Silent(Interest);

impl Observer for Silent {
    fn interest(&self) -> Interest {
        self.0
    }
}

fn observed(builder: Builder) -> Builder {
    observed_for(builder, Interest::ALL)
}

fn observed_for(builder: Builder, interest: Interest) -> Builder {
    builder.observer(Silent(interest))
}

/// All events have one key, and none waits for another.
fn ordered(builder: Builder) -> Builder {
    builder.ordered(TOPIC, KeyOrder::by(|_| Some(black_box(7_u64))))
}

fn emit_sync(soiree: &EventPool, payload: u64) {
    let report = soiree.emit_sync(black_box(TOPIC), payload);
    let is_ok = report.is_ok_and(|report| report.is_ok());
    assert!(is_ok, "a listener failed");
}

fn emit(soiree: &EventPool, payload: u64) -> Emission {
    let emitted = soiree.emit(black_box(TOPIC), payload);
    emitted.expect("the event pool is open")
}

fn emit_async(soiree: &EventPool, payload: u64) -> Emission {
    let mut emitting = pin!(soiree.emit_async(black_box(TOPIC), payload));
    let mut context = Context::from_waker(Waker::noop());
    match emitting.as_mut().poll(&mut context) {
        Poll::Ready(emitted) => emitted.expect("the event pool is open"),
        Poll::Pending => unreachable!("there is room"),
    }
}

fn through(
    make: fn(Builder) -> EventPool,
    emit: fn(&EventPool, u64) -> Emission,
) -> EmitLoop<impl FnMut(u64)> {
    let pool = Arc::new(ManualPool::new());
    let soiree = make(EventPool::builder().pool(Arc::clone(&pool)));
    EmitLoop::new(1, move |payload| {
        let emission = emit(&soiree, payload);
        assert!(pool.run_next(), "the emission is queued");
        assert!(emission.wait().is_ok(), "a listener failed");
    })
}

fn on_own_pool() -> EmitLoop<impl FnMut(u64)> {
    let [pool, own] = [(); 2].map(|()| Arc::new(ManualPool::new()));
    let builder = EventPool::builder().pool(Arc::clone(&pool));
    let builder = builder.bulkhead("own", Arc::clone(&own));
    let soiree = listened(build(builder), ListenerOptions::new().pool("own"));
    EmitLoop::new(1, move |payload| {
        let emission = emit(&soiree, payload);
        assert!(pool.run_next(), "the emission is queued");
        assert!(own.run_next(), "the listener is queued");
        assert!(emission.wait().is_ok(), "a listener failed");
    })
}

fn inbox_on_this_thread() -> EmitLoop<impl FnMut(u64)> {
    let soiree = EventPool::new();
    let inbox = soiree.inbox(TOPIC, InboxOptions::new(16));
    let inbox = inbox.expect("the topic is valid");
    EmitLoop::new(1, move |payload| {
        emit_sync(&soiree, payload);
        count_received(inbox.try_recv());
    })
}

fn inbox_through_a_pool() -> EmitLoop<impl FnMut(u64)> {
    let pool = Arc::new(ManualPool::new());
    let soiree = build(EventPool::builder().pool(Arc::clone(&pool)));
    let inbox = soiree.inbox(TOPIC, InboxOptions::new(16));
    let inbox = inbox.expect("the topic is valid");
    EmitLoop::new(1, move |payload| {
        let emission = emit(&soiree, payload);
        assert!(pool.run_next(), "the emission is queued");
        count_received(inbox.try_recv());
        assert!(emission.wait().is_ok(), "a listener failed");
    })
}

fn count_received<E>(received: Result<Received, E>) {
    match received {
        Ok(Received::Event(event)) => drop(black_box(event)),
        _ => panic!("an event was missed"),
    }
    count_call();
}
