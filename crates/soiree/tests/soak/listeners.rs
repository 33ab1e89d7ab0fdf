//! The listeners of a round.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::{
    BoxError, Event, EventPool, Jitter, KeyOrder, ListenerOptions, Permanent, Priority, Retry,
    RetryAfter, SubscribeError, WhenPoolFull,
};

use crate::client::{emit_inside, emit_inside_async};
use crate::ledger::{COUNTED, Ledger, lock};
use crate::values::{Dice, Failure, Hostile, Item, pause};

const MS: Duration = Duration::from_millis(1);

/// What one listener checks and does.
struct Body {
    ledger: Arc<Ledger>,
    name: &'static str,
    /// Which listener, for its dice.
    place: u64,
    emits: bool,
    /// The last item of each key, if events of one key come in order.
    last: Option<Mutex<HashMap<u64, u64>>>,
    /// The calls that run, and how many may.
    running: Option<(AtomicUsize, usize)>,
    /// Dropped with the listener.
    _value: Hostile,
}

/// A call that runs, also while its future waits.
struct Running<'a>(&'a Body);

impl<'a> Running<'a> {
    fn new(body: &'a Body) -> Self {
        if let Some((running, most)) = &body.running {
            let others = running.fetch_add(1, SeqCst);
            if others >= *most {
                body.ledger
                    .fail(format!("{} runs {} times at once", body.name, others + 1));
            }
        }
        Self(body)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some((running, _)) = &self.0.running {
            running.fetch_sub(1, SeqCst);
        }
    }
}

/// What a call does.
struct Plan {
    dice: Dice,
    fails: u64,
    pauses: Duration,
}

impl Body {
    fn new(ledger: &Arc<Ledger>, name: &'static str, place: u64) -> Self {
        Self {
            ledger: Arc::clone(ledger),
            name,
            place,
            emits: false,
            last: None,
            running: None,
            _value: Hostile::new(ledger, Dice::new(place, ledger.emitted() as u64)),
        }
    }

    fn in_order(mut self) -> Self {
        self.last = Some(Mutex::default());
        self
    }

    fn at_most(mut self, calls: usize) -> Self {
        self.running = Some((AtomicUsize::new(0), calls));
        self
    }

    fn emitting(mut self) -> Self {
        self.emits = true;
        self
    }

    fn count(&self, event: &dyn Event) {
        if let Some(item) = event.payload_as::<Item>() {
            item.record.own_calls.fetch_add(1, SeqCst);
        }
        self.ledger.step();
    }

    /// Checks a call. Returns what it does.
    fn start(&self, event: &dyn Event) -> Option<Plan> {
        let Some(item) = event.payload_as::<Item>() else {
            self.ledger
                .fail(format!("{} got another payload", self.name));
            return None;
        };
        // Emitted by a listener: such items have no order.
        if item.sequence == 0 {
            return None;
        }
        if let Some(last) = self.last.as_ref().filter(|_| event.attempt() == 1) {
            let former = lock(last).insert(item.key, item.sequence);
            if former.is_some_and(|former| former >= item.sequence) {
                self.ledger.fail(format!(
                    "{} got {} of key {}: item {} after {}",
                    self.name,
                    item.record,
                    item.key,
                    item.sequence,
                    former.unwrap_or_default()
                ));
            }
        }
        let dice = item.dice.at(self.place).at(event.attempt().into());
        if self.place == 0 && dice.at(1).below(16) == 0 {
            event.set_aborted(true);
        }
        Some(Plan {
            dice,
            fails: dice.at(2).below(20),
            pauses: match dice.at(3).below(64) {
                0 => 8 * MS,
                1..=8 => Duration::from_micros(dice.at(4).below(1_500)),
                _ => Duration::ZERO,
            },
        })
    }

    /// How the call ends.
    fn end(&self, plan: &Plan) -> Result<(), BoxError> {
        let value = || Hostile::new(&self.ledger, plan.dice.at(5));
        let failure = || Failure { _value: value() };
        match plan.fails {
            0 | 1 => Err(failure().into()),
            2 => Err(Permanent(failure()).into()),
            3 => Err(RetryAfter(MS, failure()).into()),
            // Does not call the panic hook, which would print every panic.
            4 => resume_unwind(Box::new(value())),
            5 => resume_unwind(Box::new("as planned")),
            _ => Ok(()),
        }
    }

    fn call(&self, event: &dyn Event) -> Result<(), BoxError> {
        self.count(event);
        let _running = Running::new(self);
        let Some(plan) = self.start(event) else {
            return Ok(());
        };
        if !plan.pauses.is_zero() {
            pause(plan.pauses);
        }
        if self.emits {
            emit_inside(&self.ledger, plan.dice.at(6));
        }
        self.end(&plan)
    }

    async fn poll(self: Arc<Self>, event: Arc<dyn Event>) -> Result<(), BoxError> {
        let _running = Running::new(&self);
        let _value = Hostile::new(&self.ledger, Dice::new(self.place, event.attempt().into()));
        let Some(plan) = self.start(&*event) else {
            return Ok(());
        };
        match plan.pauses {
            Duration::ZERO => tokio::task::yield_now().await,
            // A future whose bulkhead is removed may run where no runtime is.
            pauses => {
                let runtime = self.ledger.runtime.get().expect("the round has set it");
                let slept = runtime.spawn(async move { tokio::time::sleep(pauses).await });
                slept.await.expect("the runtime outlives the event pool");
            }
        }
        if self.emits {
            emit_inside_async(&self.ledger, plan.dice.at(6)).await;
        }
        self.end(&plan)
    }
}

fn by_key() -> KeyOrder {
    KeyOrder::by(|event| Some(event.payload_as::<Item>()?.key))
}

pub(crate) fn key_order(capacity: usize) -> KeyOrder {
    by_key().capacity(capacity)
}

struct Subscriber<'a> {
    soiree: &'a EventPool,
    ledger: &'a Arc<Ledger>,
    places: u64,
}

impl Subscriber<'_> {
    fn body(&mut self, name: &'static str) -> Body {
        self.places += 1;
        Body::new(self.ledger, name, self.places - 1)
    }

    fn on(
        &self,
        pattern: &str,
        options: ListenerOptions,
        body: Body,
    ) -> Result<(), SubscribeError> {
        let options = options.name(format!("{COUNTED}{}", body.name));
        self.soiree
            .on_with(pattern, options, move |event| body.call(event))
            .map(drop)
    }

    fn on_async(
        &self,
        pattern: &str,
        options: ListenerOptions,
        body: Body,
    ) -> Result<(), SubscribeError> {
        let options = options.name(format!("{COUNTED}{}", body.name));
        let body = Arc::new(body);
        self.soiree
            .on_async_with(pattern, options, move |event| {
                // Here, as the time limit may end before the first poll.
                body.count(&*event);
                Arc::clone(&body).poll(event)
            })
            .map(drop)
    }
}

/// Subscribes one listener of every kind.
pub(crate) fn subscribe(soiree: &EventPool, ledger: &Arc<Ledger>) -> Result<(), SubscribeError> {
    let mut all = Subscriber {
        soiree,
        ledger,
        places: 0,
    };
    let options = ListenerOptions::new;
    let retry = || Retry::exponential(MS, 3).jitter(Jitter::Full);
    let own = || options().pool("own");
    let aborting = all.body("aborting");
    all.on("p.**", options().priority(Priority::High), aborting)?;
    let keyed = all.body("keyed").in_order();
    all.on("k.**", options().retry(retry()), keyed)?;
    let keyed = all.body("keyed, own pool").in_order();
    all.on("k.*", own().when_full(WhenPoolFull::Wait), keyed)?;
    let timed = all.body("timed");
    let equal = Retry::fixed(MS, 2).jitter(Jitter::Equal);
    all.on("p.**", options().timeout(4 * MS).retry(equal), timed)?;
    let rejecting = all.body("rejecting");
    all.on("p.x", own(), rejecting)?;
    let required = all.body("required");
    let required_options = own().when_full(WhenPoolFull::Required);
    // An error if the pool has no queue.
    let _ = all.on("p.y", required_options.retry(retry()), required);
    let limited = all.body("limited").at_most(2);
    all.on("p.**", options().max_concurrent(2), limited)?;
    let one_each = options().max_concurrent_by(1, |event| Some(event.payload_as::<Item>()?.key));
    let limited = all.body("limited by key");
    all.on(
        "*.x",
        one_each.pool("own").when_full(WhenPoolFull::Wait),
        limited,
    )?;
    let ordered = all.body("ordered").in_order();
    all.on("l.**", options().ordered(by_key()), ordered)?;
    let ordered = all.body("ordered, retried").in_order();
    let waits = own().when_full(WhenPoolFull::Wait).retry(retry());
    all.on("l.**", waits.ordered(by_key()), ordered)?;
    let ordered = all.body("ordered, async").in_order();
    all.on_async("l.*", options().ordered(by_key()), ordered)?;
    let timed = all.body("async");
    all.on_async("k.**", options().timeout(4 * MS).retry(retry()), timed)?;
    let limited = all.body("async, limited").at_most(1);
    all.on_async(
        "p.**",
        options().max_concurrent(1).when_full(WhenPoolFull::Wait),
        limited,
    )?;
    let emitting = all.body("emitting").emitting();
    all.on("p.*", options(), emitting)?;
    let emitting = all.body("emitting, async").emitting();
    all.on_async("p.x", options(), emitting)?;
    let leaf = all.body("leaf");
    all.on("leaf", options().retry(retry()), leaf)?;
    let runs = all.body("five times");
    all.on("p.**", options().max_runs(5), runs)?;
    let body = all.body("mutable").at_most(1);
    let mut calls = 0_u64;
    let named = options().name(format!("{COUNTED}mutable"));
    soiree.on_mut_with("p.y", named, move |event| {
        calls += 1;
        // Kept and changed by each call, as `on_mut` permits.
        let _ = std::hint::black_box(&mut calls);
        body.call(event)
    })?;
    Ok(())
}
