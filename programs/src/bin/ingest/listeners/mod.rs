//! What follows when an event has come in. Each listener has a name that stays, a bulkhead, and progress of its own.

mod export;
mod forward;
mod index;
mod lines;
mod mail;

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use soiree::{Event, ListenerOptions, Outbox, Retry};
use tracing::info;

use crate::draft::trace;
use crate::gate::Gate;
use crate::options::Options;

pub(crate) use self::export::exported;
pub(crate) use self::index::{TOPICS, create_tables};
pub(crate) use self::mail::{Mailed, mailed};

pub(crate) const NAMES: [&str; 4] = ["index", "forward", "export", "mail"];

/// Subscribes all four.
pub(crate) fn subscribe(
    outbox: &Outbox,
    options: &Options,
    forward_to: &str,
    gate: &Arc<Gate>,
) -> Result<(), Box<dyn Error>> {
    let (data, kept) = (&options.data, options.kept);
    index::subscribe(outbox, kept)?;
    forward::subscribe(outbox, options, forward_to, gate)?;
    export::subscribe(outbox, data, options.export_delay, kept.files)?;
    mail::subscribe(outbox, data, kept.mails)?;
    Ok(())
}

/// A durable listener on the bulkhead of its name. For trouble that passes, such as a full disk, it has a retry.
fn durable(name: &'static str) -> ListenerOptions {
    let retry =
        Retry::exponential(Duration::from_millis(100), 8).max_delay(Duration::from_secs(10));
    ListenerOptions::new()
        .durable(name)
        .name(name)
        .pool(name)
        .retry(retry)
}

fn log(listener: &str, event: &dyn Event) {
    let (id, attempt, trace) = (event.id(), event.attempt(), trace(event));
    info!(%id, attempt, trace = trace.trace(), "{listener} handled {}", event.topic());
}

fn in_file(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
