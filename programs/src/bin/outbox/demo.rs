//! A file to show the commands on.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use soiree::{EventPool, ListenerOptions, Outbox, SqliteStore, TypedTopic};

pub(crate) const WHY: &str = "\
shows: what waits in a file of durable events, which events are dead, and how they are made due again
why: an event that failed for the last time is kept with its error until somebody decides";

pub(crate) const COMMANDS: [&[&str]; 4] = [
    &["list"],
    &["dead", "mail"],
    &["redrive", "mail", "--all"],
    &["list"],
];

const PLACED: TypedTopic<String> = TypedTopic::new("order.placed");
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Makes the file, with two events that are dead for their listener.
pub(crate) fn leave_dead_events(file: &Path) -> Result<(), Box<dyn Error>> {
    let outbox = Outbox::builder(SqliteStore::at(file))
        .json(PLACED)
        .build(EventPool::new())?;
    let mail = ListenerOptions::new().durable("mail");
    outbox.on_with("order.*", mail, |_| Err::<(), _>("no such mailbox"))?;
    outbox.start()?;
    for order in ["tea", "cake"] {
        outbox.emit("order.placed", String::from(order))?;
    }
    outbox.drain(TIME_LIMIT)?;
    outbox.close()?;
    Ok(())
}
