//! A consumer: asks for messages, and starts again when that ends.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_nats::datetime::DateTime;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Stream as Pulled;
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{AckKind, Message};
use futures_util::{FutureExt, StreamExt};
use soiree_core::Pattern;
use soiree_engine::{DurableTopics, Soiree};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use crate::bridge::{Bridge, PATIENCE, Pause};
use crate::error::NatsError;
use crate::figures::ConsumerFigures;
use crate::message::Reader;
use crate::options::Consume;
use crate::provision;
use crate::running::Messages;
use crate::subject::{Filter, check_name};

/// How often the server is asked how the consumer stands.
const REFRESH: Duration = Duration::from_secs(10);

/// After how long without a message, although there are some, asking for them starts anew.
const STUCK: Duration = Duration::from_secs(30);

/// How long a request for messages lasts. The server answers it before that when there are some.
const EXPIRES: Duration = Duration::from_secs(30);

/// After how many lost connections it is looked whether a message is the reason: the client closes the connection when it cannot read one, and gets
/// it again then.
const LOSSES: u64 = 2;

pub(crate) struct Consumer {
    pub(crate) bridge: Arc<Bridge>,
    pub(crate) consume: Consume,
    /// On the server: the name that was asked for, with the partition if there is one.
    pub(crate) name: Arc<str>,
    pub(crate) pattern: Pattern,
    pub(crate) filter: Filter,
    pub(crate) dead_subject: String,
    pub(crate) sink: Box<dyn Soiree>,
    pub(crate) durable: Option<DurableTopics>,
    pub(crate) figures: ConsumerFigures,
    pub(crate) messages: Arc<Messages>,
    pub(crate) permits: Semaphore,
    stop: watch::Sender<bool>,
    restart: Notify,
    /// What the server says, which may differ from what was asked for.
    ack_wait: OnceLock<Duration>,
    /// After how many deliveries the server gives a message up. 0 or less: never.
    max_deliver: AtomicI64,
    /// How many connections were lost before messages were looked at that may be unreadable.
    losses: AtomicU64,
    progress: Mutex<Progress>,
    last_message: Mutex<Instant>,
}

/// How far the consumer is, as the server said last.
#[derive(Default, Clone, Copy)]
struct Progress {
    /// When the stream was made that this is about.
    stream: Option<DateTime>,
    floor: Option<u64>,
}

impl Consumer {
    pub(crate) fn new(
        bridge: Arc<Bridge>,
        consume: Consume,
        partition: Option<u32>,
        sink: Box<dyn Soiree>,
    ) -> Result<Self, NatsError> {
        let pattern = consume.check()?;
        let (filter, name) = match partition {
            None => (bridge.subjects.filter(&pattern), Arc::clone(&consume.name)),
            Some(partition) => {
                let filter = bridge.subjects.filter_of(partition, &pattern);
                (filter, format!("{}-{partition}", consume.name).into())
            }
        };
        check_name("consumer", &name)?;
        let own = bridge.subjects.dead(&consume.name);
        let dead_subject = consume.dead_subject.clone().unwrap_or(own);
        let durable = sink.durable_topics();
        let is_stored = |durable: &DurableTopics| durable.codecs.overlap(&pattern);
        if consume.by_partition && durable.as_ref().is_some_and(is_stored) {
            return Err(NatsError::PartitionStored {
                pattern: pattern.as_str().into(),
            });
        }
        let has_codec = bridge.codecs.overlap(&pattern)
            || durable
                .as_ref()
                .is_some_and(|durable| durable.codecs.overlap(&pattern));
        if !has_codec {
            return Err(NatsError::NoCodec {
                pattern: pattern.as_str().into(),
            });
        }
        let messages = Arc::new(Messages::new(consume.in_flight));
        Ok(Self {
            permits: Semaphore::new(consume.in_flight.min(Semaphore::MAX_PERMITS)),
            bridge,
            consume,
            name,
            pattern,
            filter,
            dead_subject,
            sink,
            durable,
            figures: ConsumerFigures::default(),
            messages,
            stop: watch::Sender::new(false),
            restart: Notify::new(),
            ack_wait: OnceLock::new(),
            max_deliver: AtomicI64::new(-1),
            losses: AtomicU64::new(0),
            progress: Mutex::default(),
            last_message: Mutex::new(Instant::now()),
        })
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits until it is stopped.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        let _ = stop.wait_for(|is_stopped| *is_stopped).await;
    }

    pub(crate) fn ack_wait(&self) -> Duration {
        *self.ack_wait.get().unwrap_or(&self.consume.ack_wait)
    }

    /// Whether the server delivers a message no more that it has delivered so often.
    pub(crate) fn is_last(&self, times: u64) -> bool {
        let most = u64::try_from(self.max_deliver.load(Ordering::Relaxed)).unwrap_or(0);
        most > 0 && times >= most
    }

    pub(crate) fn reader(&self) -> Reader<'_> {
        let origin = match &self.durable {
            Some(durable) => durable.store_id,
            None => self.bridge.origin,
        };
        Reader {
            subjects: &self.bridge.subjects,
            stream: self.bridge.stream_name(),
            pattern: &self.pattern,
            dead_subject: &self.dead_subject,
            codecs: &self.bridge.codecs,
            durable: self.durable.as_ref(),
            own: (!self.consume.echo).then_some(origin),
        }
    }

    /// The consumer on the server, made if that was asked for.
    pub(crate) async fn ensure(&self) -> Result<PullConsumer, NatsError> {
        let started = std::time::Instant::now();
        let ensured = self.ensure_consumer().await;
        ensured.map_err(|error| self.bridge.explained(error, started))
    }

    async fn ensure_consumer(&self) -> Result<PullConsumer, NatsError> {
        let bridge = &self.bridge;
        // Never closed.
        let _turn = bridge.checks.acquire().await;
        let stream = bridge.ensure_stream().await?;
        provision::check_dead_subject(
            &bridge.connection.context,
            &stream,
            &self.dead_subject,
            self.consume.dead_subject.is_some(),
            &self.filter,
        )
        .await?;
        let floor = self.floor(&stream);
        let consumer = provision::consumer(
            &stream,
            &self.name,
            &self.consume,
            &self.filter,
            bridge.provision,
            floor,
        )
        .await?;
        let info = consumer.cached_info();
        let _ = self.ack_wait.set(info.config.ack_wait);
        self.max_deliver
            .store(info.config.max_deliver, Ordering::Relaxed);
        self.note_floor(
            Some(stream.cached_info().created),
            info.ack_floor.stream_sequence,
        );
        self.figures.set_lag(info.num_pending);
        Ok(consumer)
    }

    /// Up to where everything has ended, if the stream is the same as before.
    fn floor(&self, stream: &Stream) -> Option<u64> {
        let info = stream.cached_info();
        let progress = *self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = progress.stream == Some(info.created);
        progress
            .floor
            .filter(|floor| is_same && *floor <= info.state.last_sequence)
    }

    fn note_floor(&self, stream: Option<DateTime>, floor: u64) {
        let progress = self.progress.lock();
        let mut progress = progress.unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = stream {
            progress.stream = Some(stream);
        }
        progress.floor = Some(floor);
    }

    /// Consumes until it is stopped, and waits for the messages that are being handled.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut stop = self.stop.subscribe();
        let mut handlers = JoinSet::new();
        let mut pause = Pause::default();
        while !*stop.borrow() {
            let started = Instant::now();
            if let Err(error) = self.pull(&mut handlers, &mut stop).await {
                self.figures.fail(&error);
                self.figures.restarts.add();
            }
            self.figures.is_pulling.store(false, Ordering::Relaxed);
            if started.elapsed() > REFRESH {
                pause.reset();
            }
            tokio::select! {
                () = pause.wait() => {}
                _ = stop.wait_for(|is_stopped| *is_stopped) => {}
            }
        }
        while handlers.join_next().await.is_some() {}
    }

    /// Asks for messages until that ends.
    async fn pull(
        self: &Arc<Self>,
        handlers: &mut JoinSet<()>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), NatsError> {
        let prepare = async {
            self.bridge.connection.ready(PATIENCE).await;
            let consumer = self.ensure().await?;
            let losses = self.bridge.connection.losses();
            if losses >= self.losses.load(Ordering::Relaxed) + LOSSES {
                self.bury_unreadable(&consumer).await;
                self.losses.store(losses, Ordering::Relaxed);
            }
            // One that is used as it is may permit less.
            let config = &consumer.cached_info().config;
            let most = usize::try_from(config.max_batch).unwrap_or(0);
            let batch = self
                .consume
                .in_flight
                .min(if most == 0 { usize::MAX } else { most });
            let expires = match config.max_expires {
                Duration::ZERO => EXPIRES,
                most => EXPIRES.min(most),
            };
            let stream = consumer
                .stream()
                .max_messages_per_batch(batch)
                .heartbeat(self.consume.heartbeat.min(expires / 3))
                .expires(expires)
                .messages()
                .await;
            let stream = stream.map_err(|error| NatsError::request("ask for messages", error))?;
            Ok::<_, NatsError>((consumer, stream))
        };
        let (consumer, mut messages) = tokio::select! {
            prepared = prepare => prepared?,
            _ = stop.wait_for(|is_stopped| *is_stopped) => return Ok(()),
        };
        self.figures.is_pulling.store(true, Ordering::Relaxed);
        self.figures.clear_error();
        self.note_message();
        let mut refresh = interval(REFRESH);
        let lost = self.losses.load(Ordering::Relaxed) + LOSSES;
        let ended = loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|is_stopped| *is_stopped) => break Ok(()),
                () = self.restart.notified() => {
                    break Err(NatsError::request("go on with messages", "the server sends none"));
                }
                () = self.bridge.connection.lost(lost) => {
                    break Err(NatsError::request("go on with messages", "connections are lost"));
                }
                _ = refresh.tick() => {
                    handlers.spawn(Arc::clone(self).refresh(consumer.clone()));
                }
                Some(_) = handlers.join_next() => {}
                next = messages.next() => match next {
                    Some(Ok(message)) => self.start(handlers, message),
                    Some(Err(error)) => break Err(NatsError::request("go on with messages", error)),
                    None => break Err(NatsError::request("go on with messages", "they ended")),
                }
            }
        };
        self.take_rest(handlers, messages, ended.is_ok()).await;
        ended
    }

    fn start(self: &Arc<Self>, handlers: &mut JoinSet<()>, message: Message) {
        self.note_message();
        handlers.spawn(Arc::clone(self).handle(message));
    }

    /// Messages that have arrived, and that nobody has looked at. Other processes get them, if this one stops.
    async fn take_rest(
        self: &Arc<Self>,
        handlers: &mut JoinSet<()>,
        mut messages: Pulled,
        is_stopped: bool,
    ) {
        while let Some(Some(Ok(message))) = messages.next().now_or_never() {
            if !is_stopped {
                self.start(handlers, message);
            } else if let Some(reply) = message.reply.clone() {
                let connection = &self.bridge.connection;
                connection.send(reply, AckKind::Nak(None).into()).await;
            }
        }
    }

    fn note_message(&self) {
        let last = self.last_message.lock();
        *last.unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Asks the server how the consumer stands.
    async fn refresh(self: Arc<Self>, consumer: PullConsumer) {
        let Ok(info) = consumer.get_info().await else {
            return;
        };
        self.figures.set_lag(info.num_pending);
        self.note_floor(None, info.ack_floor.stream_sequence);
        let last = *self
            .last_message
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_idle = info.num_ack_pending == 0 && last.elapsed() > STUCK;
        if is_idle && info.num_pending > 0 {
            self.restart.notify_one();
        }
    }
}

impl ConsumerFigures {
    pub(crate) fn set_lag(&self, pending: u64) {
        let lag: &AtomicU64 = &self.lag;
        lag.store(pending, Ordering::Relaxed);
    }

    fn clear_error(&self) {
        self.last_error.set(None);
    }
}
