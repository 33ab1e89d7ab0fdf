//! What runs, and all of it in figures for the page.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use soiree::sqlite::rusqlite::{self, Connection, OpenFlags};
use soiree::{DurableInfo, OutboxStats, PoolStats, StoreState};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::arrangement::{Arrangement, EVENTS_FILE};
use crate::intake::Intake;
use crate::listeners::TOPICS;
use crate::options::Options;
use crate::receiver::Receiver;

const PERIOD: Duration = Duration::from_secs(1);

pub(crate) struct Board {
    pub(crate) arrangement: Arrangement,
    pub(crate) intake: Arc<Intake>,
    /// `None` if events are sent on to a server of somebody else.
    pub(crate) receiver: Option<Receiver>,
    pub(crate) forward_to: String,
    max_events: u64,
    topics: Option<Mutex<Connection>>,
    started: Instant,
}

impl Board {
    pub(crate) fn new(
        arrangement: Arrangement,
        receiver: Option<Receiver>,
        forward_to: String,
        options: &Options,
    ) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let topics = Connection::open_with_flags(options.data.join(EVENTS_FILE), flags);
        Self {
            arrangement,
            intake: Arc::new(Intake::new(options.intake)),
            receiver,
            forward_to,
            max_events: options.max_events,
            topics: topics.ok().map(Mutex::new),
            started: Instant::now(),
        }
    }

    /// Reads the store, and blocks for that.
    pub(crate) fn status(&self) -> Value {
        let Arrangement {
            soiree,
            outbox,
            gate,
            ..
        } = &self.arrangement;
        let stats = outbox.stats();
        let commits = &stats.commit_seconds;
        let pools = soiree.stats().pools;
        let pools = pools.iter().map(|(name, stats)| pool(name, stats));
        let receiver = self.receiver.as_ref();
        json!({
            "uptime_seconds": self.started.elapsed().as_secs(),
            "intake": self.intake.status(),
            "store": {
                "state": self.trouble(&stats).unwrap_or_else(|| "ok".into()),
                "events": stats.events,
                "max_events": self.max_events,
                "queued": stats.queued,
                "stored": stats.stored,
                "commits": commits.count,
                "commit_millis": commits.sum * 1_000.0 / commits.count.max(1) as f64,
            },
            "listeners": outbox.listeners().iter().map(listener).collect::<Vec<_>>(),
            "pools": pools.collect::<Vec<_>>(),
            "receiver": {
                "url": self.forward_to,
                "can_break": receiver.is_some(),
                "is_broken": receiver.is_some_and(Receiver::is_broken),
                "pause_seconds": gate.remaining().as_secs(),
            },
            "topics": self.topics().unwrap_or_default(),
        })
    }

    fn topics(&self) -> rusqlite::Result<Vec<Value>> {
        let Some(connection) = &self.topics else {
            return Ok(Vec::new());
        };
        let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = connection.prepare_cached(TOPICS)?;
        let rows = statement.query_map((), |row| {
            let (topic, events): (String, i64) = (row.get(0)?, row.get(1)?);
            Ok(json!({ "topic": topic, "events": events }))
        })?;
        rows.collect()
    }

    /// Why the service should get no requests just now.
    pub(crate) fn not_ready(&self) -> Option<String> {
        self.trouble(&self.arrangement.outbox.stats())
    }

    fn trouble(&self, stats: &OutboxStats) -> Option<String> {
        let (events, most) = (stats.events, self.max_events);
        match &stats.state {
            StoreState::Ok if events >= most => Some(format!("full: {events} of {most} events")),
            StoreState::Ok => None,
            state => Some(in_words(state)),
        }
    }
}

fn in_words(state: &StoreState) -> String {
    match state {
        StoreState::Failing(error) => format!("the last commit failed: {error}"),
        StoreState::Unreadable(error) => format!("the store cannot be read: {error}"),
        StoreState::Failed(error) => format!("the store failed, and needs a restart: {error}"),
        other => format!("{other:?}"),
    }
}

fn listener(info: &DurableInfo) -> Value {
    json!({
        "name": &*info.name,
        "is_held": info.is_held,
        "is_orphan": info.is_orphan,
        "waiting": info.waiting,
        "oldest_waiting_seconds": info.oldest_waiting.map(|age| age.as_secs()),
        "in_flight": info.in_flight,
        "retrying": info.retrying,
        "behind": info.behind,
        "suspects": info.suspects,
        "dead": info.dead_letters,
        "done": info.done,
        "failed": info.failed,
    })
}

fn pool(name: &str, stats: &PoolStats) -> Value {
    json!({
        "name": name,
        "active": stats.active,
        "max_workers": stats.max_workers,
        "waiting": stats.waiting,
        "capacity": stats.capacity,
        "completed": stats.completed(),
        "rejected": stats.rejected,
    })
}

/// The status, once a second while somebody looks at it.
pub(crate) fn publish(board: &Arc<Board>) -> watch::Receiver<Value> {
    let (sender, receiver) = watch::channel(Value::Null);
    let board = Arc::clone(board);
    tokio::spawn(async move {
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // The service itself holds one receiver.
            if sender.receiver_count() > 1 {
                let board = Arc::clone(&board);
                let status = tokio::task::spawn_blocking(move || board.status()).await;
                let _ = sender.send(status.unwrap_or(Value::Null));
            }
        }
    });
    receiver
}
