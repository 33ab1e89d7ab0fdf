//! What the tests have in common.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use soiree::codec::Text;
use soiree::nats::async_nats::jetstream::consumer;
use soiree::nats::async_nats::jetstream::stream::Stream;
use soiree::nats::async_nats::jetstream::{self, Context};
use soiree::nats::async_nats::{self, HeaderMap};
use soiree::nats::{Consume, Nats, NatsBuilder};
use soiree::store::Store;
use soiree::{Event, EventPool, ListenerOptions, Outbox, TaskPool, WorkerPool};
use tokio::runtime::Runtime;

use super::server::Server;

/// Far more than any of these takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);

pub(crate) const STREAM: &str = "EVENTS";

/// Waits a moment, between two looks at something.
pub(crate) fn pause() {
    std::thread::park_timeout(Duration::from_millis(5));
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, holds: impl FnMut() -> bool) {
    assert!(within(LIMIT, holds), "{what}");
}

/// Whether something holds before the time is up.
pub(crate) fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if holds() {
            return true;
        }
        if started.elapsed() > limit {
            return false;
        }
        pause();
    }
}

pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime starts"))
}

pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    runtime().block_on(future)
}

pub(crate) fn soiree() -> EventPool {
    let tasks = TaskPool::new(runtime().handle().clone(), 256, 10_000).unwrap();
    EventPool::builder()
        .pool(WorkerPool::new(4, 10_000).unwrap())
        .bulkhead("async", tasks)
        .build()
        .unwrap()
}

/// Topics below `kept` are durable, and carry text.
pub(crate) fn outbox(store: impl Store) -> Outbox {
    Outbox::builder(store)
        .codec("kept.**", Text)
        .build(soiree())
        .unwrap()
}

pub(crate) fn builder(server: &Server) -> NatsBuilder {
    builder_at(&server.url())
}

pub(crate) fn builder_at(url: &str) -> NatsBuilder {
    Nats::builder(url)
        .stream(STREAM)
        .prefix("acme")
        .codec("**", Text)
        .ack_timeout(Duration::from_secs(2))
}

pub(crate) fn bridge(server: &Server) -> Nats {
    builder(server).connect().unwrap()
}

/// A consumer that looks for its messages soon after something went wrong.
pub(crate) fn consume(name: &str, pattern: &str) -> Consume {
    Consume::durable(name, pattern)
        .ack_wait(Duration::from_secs(1))
        .heartbeat(Duration::from_millis(500))
}

pub(crate) fn text(event: &dyn Event) -> String {
    event
        .with_payload(|text: &String| text.clone())
        .expect("the payload is text")
}

/// Subscribes a listener that sends the texts that it gets.
pub(crate) fn texts(soiree: &EventPool, pattern: &str) -> Receiver<String> {
    let (sender, receiver) = channel();
    soiree.on(pattern, sending(sender)).unwrap();
    receiver
}

/// As a durable listener.
pub(crate) fn durable_texts(outbox: &Outbox, pattern: &str) -> Receiver<String> {
    let (sender, receiver) = channel();
    let options = ListenerOptions::new().durable("texts");
    outbox.on_with(pattern, options, sending(sender)).unwrap();
    receiver
}

fn sending(sender: Sender<String>) -> impl Fn(&dyn Event) + Send + Sync + 'static {
    move |event: &dyn Event| {
        // The test may have ended.
        let _ = sender.send(text(event));
    }
}

/// The next `count` texts.
#[track_caller]
pub(crate) fn receive(receiver: &Receiver<String>, count: usize) -> Vec<String> {
    let next = || receiver.recv_timeout(LIMIT).expect("it is delivered");
    (0..count).map(|_| next()).collect()
}

pub(crate) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// The server, seen by another program.
pub(crate) struct Other {
    pub(crate) context: Context,
}

impl Other {
    pub(crate) fn connect(server: &Server) -> Self {
        let client = block(async_nats::connect(server.url())).expect("the server is there");
        // It starts a task.
        let _entered = runtime().enter();
        let context = jetstream::new(client);
        Self { context }
    }

    pub(crate) fn stream(&self) -> Stream {
        block(self.context.get_stream(STREAM)).expect("there is a stream")
    }

    /// How many messages the stream has.
    pub(crate) fn messages(&self) -> u64 {
        self.stream().cached_info().state.messages
    }

    pub(crate) fn message(&self, sequence: u64) -> jetstream::message::StreamMessage {
        block(self.stream().get_raw_message(sequence)).expect("the stream has the message")
    }

    /// Publishes without any header, and waits until the stream has it.
    pub(crate) fn publish(&self, subject: &str, payload: &str) {
        self.publish_with(subject, HeaderMap::new(), payload);
    }

    pub(crate) fn publish_with(&self, subject: &str, headers: HeaderMap, payload: &str) {
        let (subject, payload) = (subject.to_owned(), payload.to_owned());
        block(async {
            let sent = self
                .context
                .publish_with_headers(subject, headers, payload.into());
            sent.await.unwrap().await.expect("the stream takes it");
        });
    }

    pub(crate) fn consumer(&self, name: &str) -> consumer::Info {
        block(self.stream().consumer_info(name)).expect("there is a consumer")
    }

    /// Waits until everything is acknowledged that the consumer was given, and nothing is left.
    #[track_caller]
    pub(crate) fn until_all_is_acknowledged(&self, name: &str) {
        until("the server has all acknowledgements", || {
            let info = self.consumer(name);
            info.num_pending == 0 && info.num_ack_pending == 0
        });
    }

    /// The messages of a subject, oldest first.
    pub(crate) fn on(&self, subject: &str) -> Vec<jetstream::message::StreamMessage> {
        let last = self.stream().cached_info().state.last_sequence;
        let stream = self.stream();
        let message = |sequence| block(stream.get_raw_message(sequence)).ok();
        (1..=last)
            .filter_map(message)
            .filter(|message| message.subject.as_str() == subject)
            .collect()
    }
}
