//! One message, from its arrival to its end.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{Request, RequestErrorKind};
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use soiree_core::panic::caught;
use soiree_core::{Event, Retry};
use soiree_engine::{EmitError, NotStored, Report};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::bridge::Pause;
use crate::bury::Undeliverable;
use crate::consumer::Consumer;
use crate::message::{Content, Delivered};
use crate::running::{Arrival, RunningMessage};

/// The longest delay of another try: until it is over, the message counts among those on their way.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// How often an acknowledgement is sent before the message is left to come again.
const CONFIRMATIONS: u32 = 4;

/// How a message ends.
enum End {
    Ack,
    /// It is in the dead subject.
    Term,
    /// It is to come again after this time.
    Again(Duration),
    /// It comes again by itself, as the server cannot be reached.
    Leave,
}

/// What became of one try.
enum Tried {
    Done,
    /// It failed, and is to be tried again after a while, or never.
    Failed(Option<Duration>, String),
    /// Nobody was called, for now.
    NoRoom(String),
    /// The event pool is closed.
    Closed,
}

impl Consumer {
    /// Handles a message, unless it is being handled.
    pub(crate) async fn handle(self: Arc<Self>, message: Message) {
        let Some(delivered) = Delivered::of(&message) else {
            return;
        };
        let Some(reply) = message.reply.clone() else {
            return;
        };
        let figures = &self.figures;
        let _in_flight = figures.in_flight.enter();
        figures.received.add();
        figures.set_lag(delivered.pending);
        if delivered.times > 1 {
            figures.redelivered.add();
        }
        match self.messages.arrive(delivered.key, delivered.times, reply) {
            Arrival::Joined => {}
            Arrival::Ended(running) => self.end(&running, End::Ack).await,
            Arrival::New(running) => {
                let end = self
                    .keep_alive(&running, self.work(&message, &delivered))
                    .await;
                self.end(&running, end).await;
            }
        }
    }

    /// Waits for the end of the work, and shows the server meanwhile that it goes on.
    async fn keep_alive(&self, running: &RunningMessage, work: impl Future<Output = End>) -> End {
        let every = (self.ack_wait() / 3).max(Duration::from_millis(1));
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                end = &mut work => return end,
                _ = ticks.tick() => {}
            }
            if let Some(reply) = running.reply() {
                self.figures.extended.add();
                self.bridge
                    .connection
                    .send(reply, AckKind::Progress.into())
                    .await;
            }
        }
    }

    async fn work(&self, message: &Message, delivered: &Delivered) -> End {
        let (event, is_durable) = match self.reader().read(message, delivered) {
            Content::Skip => {
                self.figures.skipped.add();
                return End::Ack;
            }
            Content::Dead(why) => return self.bury_message(message, delivered, &why).await,
            Content::Event { event, is_durable } => (event, is_durable),
        };
        // Never closed.
        let _permit = self.permits.acquire().await;
        let mut pause = Pause::default();
        loop {
            // Another process handles it.
            if self.is_stopping() {
                return End::Again(Duration::ZERO);
            }
            match self.attempt(&event, is_durable, delivered.times).await {
                Tried::Done => return End::Ack,
                // After the last one that the server permits, nobody would get it again.
                Tried::Failed(Some(delay), why) if !self.is_last(delivered.times) => {
                    self.figures.fail(&why);
                    return End::Again(delay.min(MAX_DELAY));
                }
                Tried::Failed(_, why) => return self.bury_message(message, delivered, &why).await,
                Tried::NoRoom(why) => {
                    self.figures.fail(&why);
                    pause.wait().await;
                }
                Tried::Closed => {
                    self.figures.fail(&"the event pool is closed");
                    self.stop();
                    return End::Again(Duration::ZERO);
                }
            }
        }
    }

    async fn attempt(&self, event: &Arc<dyn Event>, is_durable: bool, times: u64) -> Tried {
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        match self.sink.publish_event_async(Arc::clone(event)).await {
            // It is stored, and what becomes of it is up to the outbox.
            Ok(_) if is_durable => Tried::Done,
            Ok(emission) => judge(&emission.await, &self.consume.retry, times),
            Err(error) => judge_rejection(&error, &self.consume.retry, times),
        }
    }

    async fn bury_message(&self, message: &Message, delivered: &Delivered, why: &str) -> End {
        let undeliverable = Undeliverable {
            subject: message.subject.as_str(),
            headers: message.headers.as_ref(),
            payload: &message.payload,
            sequence: delivered.key.sequence,
            attempts: delivered.times,
        };
        match self.bury(&undeliverable, why).await {
            true => End::Term,
            false => End::Leave,
        }
    }

    /// Tells the server, and waits until it has confirmed that.
    async fn end(&self, running: &RunningMessage, end: End) {
        let kind = match end {
            End::Ack => AckKind::Ack,
            End::Term => AckKind::Term,
            End::Leave => return,
            End::Again(delay) => {
                self.figures.naked.add();
                // It comes again at once if this is lost, or after `ack_wait`: no need to wait for an answer.
                if let Some(reply) = running.reply() {
                    running.leave();
                    let nak = AckKind::Nak(Some(delay));
                    self.bridge.connection.send(reply, nak.into()).await;
                }
                return;
            }
        };
        let payload = Bytes::from(kind);
        for _ in 0..CONFIRMATIONS {
            let Some(reply) = running.reply() else {
                return;
            };
            let request = Request::new()
                .payload(payload.clone())
                .timeout(Some(self.bridge.ack_timeout));
            if !self.ready(self.bridge.ack_timeout).await && self.is_stopping() {
                break;
            }
            // On the inbox that all requests of the client share: `double_ack` would subscribe to one for each message.
            let client = &self.bridge.connection.client;
            match client.send_request(reply.clone(), request).await {
                Ok(_) if running.confirm(&reply) => {
                    self.figures.acked.add();
                    return;
                }
                // It was delivered once more meanwhile, or the answer is lost.
                Ok(_) => {}
                Err(error) if error.kind() == RequestErrorKind::NoResponders => break,
                Err(_) => {}
            }
        }
        running.remember();
        self.figures.unconfirmed.add();
        self.figures
            .fail(&"the server has not confirmed that a message has ended");
    }
}

fn judge(report: &Report, retry: &Retry, times: u32) -> Tried {
    if let Some(error) = report.errors().first() {
        let text = caught(|| error.to_string());
        let text = text.unwrap_or_else(|_| "the error panicked when it was shown".into());
        // All listeners are called again if it is worth it for one of them.
        let delays = report.errors().iter();
        let delays = delays.filter_map(|error| retry.next_delay(times, error));
        return Tried::Failed(delays.max(), text);
    }
    if report.omitted_errors() > 0 {
        let why = "the error buffer keeps no errors".into();
        return Tried::Failed(retry.jittered_delay(times), why);
    }
    if report.is_discarded() || report.is_unfinished() || report.not_called() > 0 {
        return Tried::NoRoom("a pool has not called its listeners".into());
    }
    Tried::Done
}

fn judge_rejection(error: &EmitError, retry: &Retry, times: u32) -> Tried {
    let why = caught(|| error.to_string());
    let why = why.unwrap_or_else(|_| "the error panicked when it was shown".into());
    match error {
        EmitError::Closed { .. } => Tried::Closed,
        // Nothing is wrong with the event.
        EmitError::Rejected { .. } | EmitError::KeyQueueFull { .. } => Tried::NoRoom(why),
        EmitError::NotStored { source, .. } => match source {
            NotStored::QueueFull { .. } | NotStored::Full { .. } | NotStored::Store(_) => {
                Tried::NoRoom(why)
            }
            _ => Tried::Failed(None, why),
        },
        _ => Tried::Failed(retry.jittered_delay(times), why),
    }
}
