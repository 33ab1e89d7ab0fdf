//! The handle that programs hold.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::future::try_join_all;
use soiree_core::{Async, ListenerId};
use soiree_engine::{BridgeInfo, Soiree, Unsubscriber};
use tokio::task::JoinHandle;

use crate::bridge::Bridge;
use crate::consumer::Consumer;
use crate::error::NatsError;
use crate::figures::{ConsumerStats, NatsStats};
use crate::info;
use crate::options::{Consume, Publish};
use crate::publish::Publisher;
use crate::subject::Subjects;

/// A bridge between a program's events and a stream of NATS JetStream.
///
/// A cheap handle: clones are the same bridge. It runs on two threads of its own, and needs no async runtime. When the last handle is
/// dropped without a close, consuming ends: messages that are being handled come again after their `ack_wait`. Publishing goes on until the
/// event pool, or the outbox, is closed.
///
/// ```no_run
/// use soiree::codec::Json;
/// use soiree::nats::{Consume, Nats};
/// use soiree::{EventPool, Outbox, SqliteStore, TypedTopic, WorkerPool};
/// # use soiree::TaskPool;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # let task_pool = TaskPool::new(runtime.handle().clone(), 256, 1_000)?;
/// let soiree = EventPool::builder().bulkhead("async", task_pool).build()?;
/// let outbox = Outbox::builder(SqliteStore::at("events.db"))
///     .codec("invoice.*", Json::<u64>::new())
///     .build(soiree)?;
/// let nats = Nats::builder("nats://127.0.0.1:4222").stream("EVENTS").prefix("acme").connect()?;
/// nats.publish(&outbox, "invoice.paid")?;
/// nats.consume(&outbox, Consume::durable("billing", "invoice.sent"))?;
/// outbox.start()?;
/// // ...
/// nats.close()?;
/// outbox.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Nats {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) bridge: Arc<Bridge>,
    pub(crate) state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) is_closed: bool,
    pub(crate) consumers: Vec<RunningConsumer>,
    /// What they have done, once the bridge is closed.
    pub(crate) ended: Vec<ConsumerStats>,
    pub(crate) publishers: Vec<(ListenerId, Unsubscriber)>,
}

pub(crate) struct RunningConsumer {
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) task: JoinHandle<()>,
}

impl Nats {
    pub(crate) fn new(bridge: Arc<Bridge>) -> Self {
        let state = Mutex::default();
        Self {
            inner: Arc::new(Inner { bridge, state }),
        }
    }

    /// Publishes the events that match a pattern: adds an async listener, which has handled an event when the stream has acknowledged it.
    ///
    /// - **With an outbox** it is a durable listener called `nats:` and the stream. Each event that is stored is in the stream at least
    ///   once, over crashes of both sides; and once, if what was in doubt is decided within the stream's `duplicate_window`. It gets durable
    ///   topics only.
    /// - **With an event pool** it is a listener with retries. Events that have not been published **are lost when the process
    ///   ends**, and go to the dead letter handler after the last retry.
    ///
    /// An event that came from the stream is not published to it. One that is larger than the server permits is a dead letter at
    /// once. Blocks while the outbox reads its store.
    ///
    /// # Errors
    /// If the pattern or an option is invalid, no codec matches the pattern, or the listener is rejected: there is no bulkhead that polls
    /// futures, or its name is taken.
    #[track_caller]
    pub fn publish(
        &self,
        soiree: &dyn Soiree,
        publish: impl Into<Publish>,
    ) -> Result<ListenerId, NatsError> {
        let publish = publish.into();
        let bridge = &self.inner.bridge;
        let pattern = publish.check()?;
        let durable = soiree.durable_topics();
        let overlaps = match &durable {
            Some(durable) => durable.codecs.overlap(&pattern),
            None => bridge.codecs.overlap(&pattern),
        };
        if !overlaps {
            let pattern = pattern.as_str().into();
            return Err(NatsError::NoCodec { pattern });
        }
        let name = publish.name.clone();
        let name = name.unwrap_or_else(|| format!("nats:{}", bridge.stream_name()).into());
        let options = publish
            .listener_options(&name, durable.is_some())
            .registered_at(Location::caller());
        let publisher = Publisher {
            bridge: Arc::clone(bridge),
            origin: durable.as_ref().map_or(bridge.origin, |of| of.store_id),
            durable: durable.map(|durable| durable.codecs),
            plain_headers: publish.plain_headers,
            order: publish.order,
        };
        if self.inner.state().is_closed {
            return Err(NatsError::Closed);
        }
        let id = soiree.subscribe(pattern.as_str(), options, Arc::new(Async(publisher)))?;
        let unsubscriber = soiree.unsubscriber(pattern.as_str(), &id);
        let mut state = self.inner.state();
        if !state.is_closed {
            state.publishers.push((id.clone(), unsubscriber));
            return Ok(id);
        }
        drop(state);
        unsubscriber();
        Err(NatsError::Closed)
    }

    /// Consumes messages into an event pool or an outbox, which is kept until the bridge is closed or dropped. Subscribe the listeners
    /// before: a message that nobody listens to is handled. A strict outbox rejects one that no durable listener matches, so it goes to the
    /// dead subject.
    ///
    /// - **Into an outbox**, durable topics: a message is acknowledged when its event is stored. Each durable listener has its own progress
    ///   then. Recommended.
    /// - **Into an event pool**: a message is acknowledged when all its listeners have ended well. After an error it comes again, and
    ///   calls **all** listeners again. After a crash too.
    ///
    /// A message that fails for the last time, or cannot be read, goes to the dead subject before it is ended. Blocks until the consumer is
    /// made or checked; if there is no connection, that is done when there is one.
    ///
    /// # Errors
    /// If an option is invalid, no codec matches the pattern, or the consumer is missing, differs or was added before.
    pub fn consume<S>(&self, sink: &S, consume: Consume) -> Result<(), NatsError>
    where
        S: Soiree + Clone + 'static,
    {
        let consumers = self.consumers(sink, consume)?;
        let checked = self.inner.bridge.runtime.wait(check(consumers.clone()));
        checked.unwrap_or(Err(NatsError::Closed))?;
        self.start(consumers)
    }

    /// As [`consume`](Nats::consume), in async code.
    ///
    /// # Errors
    /// As [`consume`](Nats::consume).
    pub async fn consume_async<S>(&self, sink: &S, consume: Consume) -> Result<(), NatsError>
    where
        S: Soiree + Clone + 'static,
    {
        let consumers = self.consumers(sink, consume)?;
        let checked = self.inner.bridge.runtime.spawn(check(consumers.clone()));
        checked.await.unwrap_or(Err(NatsError::Closed))?;
        self.start(consumers)
    }

    /// One, or one for each partition.
    fn consumers<S>(&self, sink: &S, consume: Consume) -> Result<Vec<Arc<Consumer>>, NatsError>
    where
        S: Soiree + Clone + 'static,
    {
        let bridge = &self.inner.bridge;
        let of_partition = |partition| {
            let sink = Box::new(sink.clone());
            let consumer = Consumer::new(Arc::clone(bridge), consume.clone(), partition, sink)?;
            Ok(Arc::new(consumer))
        };
        let consumers: Result<Vec<_>, NatsError> = match bridge.subjects.partitions() {
            _ if !consume.by_partition => [None].into_iter().map(of_partition).collect(),
            Some(partitions) => (0..partitions).map(Some).map(of_partition).collect(),
            None => {
                return Err(NatsError::NotPartitioned {
                    consumer: consume.name.as_ref().into(),
                });
            }
        };
        let consumers = consumers?;
        self.inner.state().check_free(&consumers)?;
        Ok(consumers)
    }

    fn start(&self, consumers: Vec<Arc<Consumer>>) -> Result<(), NatsError> {
        let inner = &self.inner;
        let mut state = inner.state();
        state.check_free(&consumers)?;
        for consumer in consumers {
            let task = inner.bridge.runtime.spawn(Arc::clone(&consumer).run());
            state.consumers.push(RunningConsumer { consumer, task });
        }
        Ok(())
    }

    /// What the bridge has done, in figures.
    pub fn stats(&self) -> NatsStats {
        let inner = &self.inner;
        let state = inner.state();
        let consumers = match state.is_closed {
            true => state.ended.clone(),
            false => stats_of(&state.consumers),
        };
        let is_connected = inner.bridge.connection.is_connected();
        inner.bridge.figures.read(is_connected, consumers)
    }

    /// The bridge as the graph of an event pool or an outbox shows it. The consumers of partitions are one.
    ///
    /// ```no_run
    /// use soiree::Soiree;
    ///
    /// # fn show(outbox: &soiree::Outbox, nats: &soiree::nats::Nats) {
    /// let mut graph = outbox.graph();
    /// graph.bridges.push(nats.info());
    /// println!("{graph}");
    /// # }
    /// ```
    pub fn info(&self) -> BridgeInfo {
        let ids = |state: &State| state.publishers.iter().map(|(id, _)| id.clone()).collect();
        let publishers = ids(&self.inner.state());
        info::of(self.stream(), self.stats(), publishers)
    }

    /// How topics map to subjects here.
    pub fn subjects(&self) -> &Subjects {
        &self.inner.bridge.subjects
    }

    /// The name of the stream.
    pub fn stream(&self) -> &str {
        self.inner.bridge.stream_name()
    }

    /// The client, for what the bridge does not do.
    pub fn client(&self) -> async_nats::Client {
        self.inner.bridge.connection.client.clone()
    }

    /// A handle that does not keep the bridge alive.
    pub fn downgrade(&self) -> WeakNats {
        WeakNats(Arc::downgrade(&self.inner))
    }
}

pub(crate) fn stats_of(consumers: &[RunningConsumer]) -> Vec<ConsumerStats> {
    let stats = consumers.iter().map(|running| {
        let consumer = &running.consumer;
        let pattern = consumer.pattern.as_str();
        let group = &consumer.consume.name;
        consumer.figures.read(&consumer.name, group, pattern)
    });
    stats.collect()
}

/// Looks whether the consumers are as they should be, if there is a connection.
async fn check(consumers: Vec<Arc<Consumer>>) -> Result<(), NatsError> {
    let checks = consumers.iter().map(async |consumer| {
        if consumer.bridge.connection.is_connected() {
            consumer.ensure().await?;
        }
        Ok(())
    });
    try_join_all(checks).await.map(drop)
}

impl State {
    fn check_free(&self, consumers: &[Arc<Consumer>]) -> Result<(), NatsError> {
        if self.is_closed {
            return Err(NatsError::Closed);
        }
        let taken = |name| {
            let mut running = self.consumers.iter();
            running.any(|running| running.consumer.name == name)
        };
        let mut names = consumers.iter().map(|consumer| Arc::clone(&consumer.name));
        match names.find(|name| taken(Arc::clone(name))) {
            Some(name) => Err(NatsError::ConsumerTaken {
                consumer: name.as_ref().into(),
            }),
            None => Ok(()),
        }
    }
}

impl Inner {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for running in &state.consumers {
            running.consumer.stop();
        }
    }
}

/// A handle that does not keep its [`Nats`] alive. Returned by [`Nats::downgrade`].
#[derive(Clone)]
pub struct WeakNats(Weak<Inner>);

impl WeakNats {
    /// The bridge, or `None` if its last handle was dropped.
    pub fn upgrade(&self) -> Option<Nats> {
        self.0.upgrade().map(|inner| Nats { inner })
    }
}

impl fmt::Debug for WeakNats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakNats").finish_non_exhaustive()
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("stream", &self.stream())
            .field("prefix", &self.subjects().prefix())
            .finish_non_exhaustive()
    }
}
