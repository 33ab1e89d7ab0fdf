//! The durable listeners, and what the page shows of them.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use soiree::metrics::{self, Metrics};
use soiree::{
    DurableInfo, Event, EventPool, ListenerOptions, Outbox, Retry, SqliteStore, StoreState,
    TypedPattern,
};

use crate::work::{busy, one_in};

const ORDERS: TypedPattern<u64> = TypedPattern::new("order.*");

/// An outbox around the event pool, on a file in this folder.
pub(crate) fn build(
    soiree: EventPool,
    folder: &Path,
    metrics: &Metrics,
) -> Result<Outbox, Box<dyn Error>> {
    let store = SqliteStore::at(folder.join("events.db"));
    let outbox = Outbox::builder(store)
        .json(ORDERS)
        .keep(Duration::from_secs(10))
        .build(soiree)?;
    let durable = |name: &str| {
        ListenerOptions::new()
            .name(name)
            .durable(name)
            .pool("durable")
    };
    outbox.on_with("order.*", durable("ledger"), |_: &dyn Event| busy(1.0, 3.0))?;
    let receipts = durable("receipts").retry(Retry::exponential(Duration::from_millis(200), 3));
    outbox.on_with("order.paid", receipts, |_: &dyn Event| {
        busy(1.0, 5.0);
        if one_in(3) {
            return Err("the mail server answered 451");
        }
        Ok(())
    })?;
    metrics::add_outbox(metrics, &outbox, "main")?;
    outbox.start()?;
    Ok(outbox)
}

/// What the page shows of the outbox. Blocks while the store is read.
pub(crate) fn status(outbox: &Outbox) -> Value {
    let stats = outbox.stats();
    let (state, error) = match stats.state {
        StoreState::Failing(error) => ("failing", Some(error)),
        StoreState::Unreadable(error) => ("unreadable", Some(error)),
        StoreState::Failed(error) => ("failed", Some(error)),
        _ => ("ok", None),
    };
    let listeners: Vec<Value> = outbox.listeners().iter().map(listener).collect();
    json!({
        "state": state,
        "error": error.map(|error| error.to_string()),
        "stored": stats.stored,
        "events": stats.events,
        "queued": stats.queued,
        "listeners": listeners,
    })
}

fn listener(info: &DurableInfo) -> Value {
    let (kind, state) = standing(info);
    json!({
        "name": &*info.name,
        "pattern": &*info.pattern,
        "kind": kind,
        "state": state,
        "held": info.is_held,
        "orphan": info.is_orphan,
        "done": info.done,
        "waiting": info.waiting,
        "oldest_seconds": info.oldest_waiting.map(|oldest| oldest.as_secs_f64()),
        "in_flight": info.in_flight,
        "retrying": info.retrying,
        "behind": info.behind,
        "suspects": info.suspects,
        "dead": info.dead_letters,
    })
}

/// A kind, which is a class of the page, and what it says.
fn standing(info: &DurableInfo) -> (&'static str, String) {
    if info.is_orphan {
        return ("bad", "not subscribed".into());
    }
    if let Some(error) = &info.unreadable {
        return ("bad", error.to_string());
    }
    match (info.is_held, info.dead_letters, info.retrying) {
        (false, ..) => ("", "held elsewhere".into()),
        (true, 0, 0) => ("good", "held".into()),
        (true, 0, retrying) => ("warn", format!("held, {retrying} retried")),
        (true, dead, _) => ("bad", format!("held, {dead} dead")),
    }
}
