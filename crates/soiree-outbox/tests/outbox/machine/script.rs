//! The listeners, and what they do when they are called.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use soiree::codec::{Codec, Text};
use soiree::store::Store;
use soiree::{
    BoxError, Event, Jitter, KeyOrder, ListenerId, ListenerOptions, Outbox, Payload, Permanent,
    Retry, SubscribeError,
};
use soiree_testkit::{FaultyStore, StoreMethod};

pub(crate) const LISTENERS: usize = 6;

/// What a listener is, for good.
pub(crate) struct Spec {
    pub(crate) pattern: &'static str,
    pub(crate) ordered: bool,
    pub(crate) filtered: bool,
    /// The first delay in milliseconds, the factor, and the attempts.
    retry: Option<(u64, u32, u32)>,
}

const fn spec(pattern: &'static str, retry: Option<(u64, u32, u32)>) -> Spec {
    Spec {
        pattern,
        ordered: false,
        filtered: false,
        retry,
    }
}

const fn ordered(spec: Spec) -> Spec {
    Spec {
        ordered: true,
        ..spec
    }
}

const fn filtered(spec: Spec) -> Spec {
    Spec {
        filtered: true,
        ..spec
    }
}

/// No delay is shorter than the longest step of time, so that there is one attempt at most in a step.
pub(crate) const SPECS: [Spec; LISTENERS] = [
    spec("kept.*", None),
    ordered(spec("**", Some((60_000, 1, 3)))),
    spec("also.**", Some((60_000, 2, 4))),
    filtered(ordered(spec("kept.**", Some((90_000, 1, 2))))),
    ordered(spec("kept.b", None)),
    spec("**", Some((120_000, 1, 2))),
];

impl Spec {
    /// How long after so many failed attempts the next one is due.
    pub(crate) fn delay(&self, failed: u32) -> Option<i64> {
        let (first, factor, attempts) = self.retry?;
        (failed < attempts).then(|| (first * u64::from(factor).pow(failed - 1)) as i64)
    }

    pub(crate) fn longest_delay(&self) -> i64 {
        (1..10)
            .filter_map(|failed| self.delay(failed))
            .max()
            .unwrap_or(0)
    }

    fn options(&self, name: &str) -> ListenerOptions {
        let mut options = ListenerOptions::new().durable(name);
        if self.ordered {
            options = options.ordered(KeyOrder::by(|event| {
                let text = text(event);
                if text.kind == 'k' {
                    std::panic::resume_unwind(Box::new("no key"));
                }
                (text.key != '-').then(|| text.key.to_string())
            }));
        }
        if self.filtered {
            options = options.filter(|event| text(event).kind != 'f');
        }
        match self.retry {
            None => options,
            Some((first, 1, attempts)) => {
                options.retry(Retry::fixed(Duration::from_millis(first), attempts))
            }
            Some((first, _, attempts)) => {
                let retry = Retry::exponential(Duration::from_millis(first), attempts);
                options.retry(retry.jitter(Jitter::None))
            }
        }
    }
}

/// What the payload of an event says: what is special about it, its key and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Plain, filtered out, undecodable, or without a usable key.
    pub(crate) kind: char,
    pub(crate) key: char,
    pub(crate) number: u32,
}

impl Parts {
    pub(crate) fn text(self) -> String {
        let Self { kind, key, number } = self;
        format!("{kind}{key}{number}")
    }
}

fn text(event: &dyn Event) -> Parts {
    let text = event.payload_as::<String>().expect("the payload is text");
    let mut parts = text.chars();
    let (kind, key) = (parts.next().unwrap(), parts.next().unwrap());
    let number = parts.as_str().parse().unwrap();
    Parts { kind, key, number }
}

/// Text that cannot be read again if its event is to be undecodable.
pub(crate) struct Scripted;

impl Codec for Scripted {
    fn name(&self) -> &str {
        Text.name()
    }

    fn encode(&self, payload: &Payload) -> Result<Vec<u8>, BoxError> {
        Text.encode(payload)
    }

    fn decode(&self, name: &str, bytes: &[u8]) -> Result<Payload, BoxError> {
        if bytes.first() == Some(&b'u') {
            return Err("this cannot be read".into());
        }
        Text.decode(name, bytes)
    }
}

/// What a listener does when it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    Fails,
    Panics,
    FailsForGood,
    /// Fails for events with an odd number, so that some of them are parked when the process ends.
    EndsTheProcess,
}

impl Mood {
    pub(crate) fn towards(self, number: u32) -> Self {
        match self {
            Self::EndsTheProcess if number % 2 == 1 => Self::Fails,
            other => other,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call {
    pub(crate) listener: usize,
    pub(crate) number: u32,
    pub(crate) attempt: u32,
    pub(crate) is_fine: bool,
}

/// What the listeners do, and what they have been called with.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) moods: [Mood; LISTENERS],
    pub(crate) calls: Vec<Call>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self {
            moods: [Mood::Fine; LISTENERS],
            calls: Vec::new(),
        }
    }
}

/// Lets others get further, if there are any.
fn wait_for_a_commit<S: Store>(store: &FaultyStore<S>) {
    let (before, start) = (store.calls(StoreMethod::Commit), Instant::now());
    while store.calls(StoreMethod::Commit) < before + 2
        && start.elapsed() < Duration::from_millis(4)
    {
        std::thread::yield_now();
    }
}

pub(crate) fn subscribe<S: Store>(
    outbox: &Outbox,
    listener: usize,
    name: &str,
    script: &Arc<Mutex<Script>>,
    store: &FaultyStore<S>,
) -> Result<ListenerId, SubscribeError> {
    let spec = &SPECS[listener];
    let (script, store) = (Arc::clone(script), store.clone());
    let handle = move |event: &dyn Event| -> Result<(), BoxError> {
        let mut script = script.lock().unwrap();
        let number = text(event).number;
        let mood = script.moods[listener].towards(number);
        script.calls.push(Call {
            listener,
            number,
            attempt: event.attempt(),
            is_fine: mood == Mood::Fine,
        });
        drop(script);
        match mood {
            Mood::Fine => Ok(()),
            Mood::Fails => Err("no".into()),
            // `panic!` would print a message each time.
            Mood::Panics => std::panic::resume_unwind(Box::new("no")),
            Mood::FailsForGood => Err(Permanent("never").into()),
            Mood::EndsTheProcess => {
                wait_for_a_commit(&store);
                store.cut();
                Ok(())
            }
        }
    };
    outbox.on_with(spec.pattern, spec.options(name), handle)
}
