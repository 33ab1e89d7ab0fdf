//! What follows when an event has come in. Each listener has a name that stays, a bulkhead, and progress of its own.

mod each;
mod export;
mod forward;
mod index;
mod lines;
mod mail;

use std::error::Error;
use std::sync::Arc;

use soiree::Outbox;

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
