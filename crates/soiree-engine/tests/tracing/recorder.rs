//! A subscriber for all tests of this process that keeps spans and events. Tests find their own by topic.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) name: &'static str,
    pub(crate) fields: Fields,
    /// Its index among all spans.
    pub(crate) number: usize,
    pub(crate) parent: Option<usize>,
    pub(crate) entered_on: Vec<ThreadId>,
    pub(crate) is_closed: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct TracedEvent {
    pub(crate) level: Level,
    pub(crate) target: String,
    pub(crate) fields: Fields,
    pub(crate) inside: Option<usize>,
    pub(crate) on: ThreadId,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(BTreeMap<&'static str, String>);

#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    events: Vec<TracedEvent>,
}

static KEPT: Mutex<Kept> = Mutex::new(Kept {
    spans: Vec::new(),
    events: Vec::new(),
});

struct Recorder;

struct Number(usize);

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fields {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.keys().copied().collect()
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.insert(field.name(), value.to_string());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let span = context.span(id).expect("the span is new");
        let parent = span.parent();
        let parent = parent.and_then(|parent| parent.extensions().get().map(|&Number(n)| n));
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let mut kept = kept();
        let number = kept.spans.len();
        span.extensions_mut().insert(Number(number));
        kept.spans.push(Span {
            name: span.name(),
            fields,
            number,
            parent,
            entered_on: Vec::new(),
            is_closed: false,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        change(id, &context, |span| values.record(&mut span.fields));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let here = std::thread::current().id();
        change(id, &context, |span| span.entered_on.push(here));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        change(&id, &context, |span| span.is_closed = true);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let inside = context.event_span(event);
        let inside = inside.and_then(|span| span.extensions().get().map(|&Number(n)| n));
        kept().events.push(TracedEvent {
            level: *event.metadata().level(),
            target: event.metadata().target().into(),
            fields,
            inside,
            on: std::thread::current().id(),
        });
    }
}

fn change<S: Subscriber + for<'a> LookupSpan<'a>>(
    id: &Id,
    context: &Context<'_, S>,
    change: impl FnOnce(&mut Span),
) {
    let span = context.span(id).expect("the span exists");
    let extensions = span.extensions();
    let &Number(number) = extensions.get().expect("the span has a number");
    change(&mut kept().spans[number]);
}

/// Records everything in this process from now on.
pub(crate) fn record() {
    static SET: OnceLock<()> = OnceLock::new();
    SET.get_or_init(|| {
        let subscriber = tracing_subscriber::registry().with(Recorder);
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber is set");
    });
}

/// The spans of this name and topic, in the order in which they started.
pub(crate) fn spans(name: &str, topic: &str) -> Vec<Span> {
    let is_it = |span: &&Span| span.name == name && span.fields.get("topic") == Some(topic);
    kept().spans.iter().filter(is_it).cloned().collect()
}

/// The only span of this name and topic.
pub(crate) fn span(name: &str, topic: &str) -> Span {
    let mut found = spans(name, topic);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// The span of this number.
pub(crate) fn numbered(number: Option<usize>) -> Span {
    kept().spans[number.expect("the span exists")].clone()
}

/// Events with this topic, in their order.
pub(crate) fn events(topic: &str) -> Vec<TracedEvent> {
    let is_it = |event: &&TracedEvent| event.fields.get("topic") == Some(topic);
    kept().events.iter().filter(is_it).cloned().collect()
}

/// Events with this message.
pub(crate) fn with_message(message: &str) -> Vec<TracedEvent> {
    let is_it = |event: &&TracedEvent| event.fields.get("message") == Some(message);
    kept().events.iter().filter(is_it).cloned().collect()
}

/// Waits until a span is closed, which may be shortly after its emission has ended.
pub(crate) fn wait_closed(number: usize) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !kept().spans[number].is_closed {
        assert!(Instant::now() < give_up, "span {number} stays open");
        std::thread::yield_now();
    }
}
