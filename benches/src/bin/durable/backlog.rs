//! Files in which many events wait.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Instant;

use soiree::sqlite::rusqlite::Connection;
use soiree::store::{Batch, Claim, Millis, NewRecord, StartFrom, Store as _};
use soiree::{Event, EventId, EventPool, ListenerOptions, Outbox, Properties, SqliteStore};

use crate::emitting::{BYTES, builder, rate};
use crate::options::Part;
use crate::result::Result;

const LISTENER: &str = "listener";
const BATCH: u64 = 1_000;

/// Makes a file in which so many events wait for a listener.
pub(crate) fn fill(path: &Path, events: u64) -> Result {
    let store = SqliteStore::at(path);
    store.open()?;
    let Claim::Held(term, _) = store.claim(LISTENER, "a.*", StartFrom::Oldest)? else {
        return Err("the listener is claimed elsewhere".into());
    };
    for first in (0..events).step_by(BATCH as usize) {
        let appends: Vec<NewRecord> = (first..events.min(first + BATCH))
            .map(|_| event())
            .collect();
        let marks = &[];
        store.commit(&Batch {
            appends: &appends,
            marks,
        })?;
    }
    store.release(&term)?;
    store.close()?;
    Ok(())
}

fn event() -> NewRecord {
    NewRecord {
        id: EventId::new(),
        topic: "a.b".into(),
        codec: "raw".into(),
        payload: vec![7; BYTES],
        properties: Properties::new(),
        emitted_at: Millis::now(),
    }
}

/// Does a part in a process of its own. Returns its figures.
pub(crate) fn run(part: &[&str], path: &Path) -> Result<Vec<f64>> {
    let output = Command::new(std::env::current_exe()?)
        .args(part)
        .arg(path)
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{part:?} {}: {said}", path.display()).into());
    }
    let said = String::from_utf8(output.stdout)?;
    let figures = said.split_whitespace().map(str::parse);
    Ok(figures.collect::<std::result::Result<_, _>>()?)
}

/// What the process does, which ends then. It prints its figures.
pub(crate) fn part(part: &Part, path: &Path) -> Result {
    match part {
        Part::Count => {
            let start = Instant::now();
            let db = Connection::open(path)?;
            let sql = "SELECT count(*) FROM soiree_event";
            let events: i64 = db.query_row(sql, (), |row| row.get(0))?;
            println!("{} {events}", start.elapsed().as_nanos());
        }
        Part::Open => {
            let start = Instant::now();
            let (sender, delivered) = channel();
            let _outbox = started(path, move || {
                let _ = sender.send(());
            })?;
            delivered.recv()?;
            println!("{} {}", start.elapsed().as_nanos(), peak_memory()?);
            // The rest waits for the next process.
            std::process::exit(0);
        }
        Part::Handle(events) => {
            let (sender, delivered) = channel();
            let _outbox = started(path, move || {
                let _ = sender.send(());
            })?;
            delivered.recv()?;
            let start = Instant::now();
            for _ in 1..*events {
                delivered.recv()?;
            }
            println!("{}", rate(events - 1, start.elapsed()));
            std::process::exit(0);
        }
    }
    Ok(())
}

/// An outbox whose listener does this for each event.
fn started(path: &Path, listener: impl Fn() + Send + 'static) -> Result<Outbox> {
    let outbox = builder(path).max_events(u64::MAX).build(EventPool::new())?;
    let options = ListenerOptions::new().durable(LISTENER);
    let listener = Mutex::new(listener);
    outbox.on_with("a.*", options, move |_: &dyn Event| {
        (listener.lock().expect("no listener panics"))();
    })?;
    outbox.start()?;
    Ok(outbox)
}

/// The most memory that this process has used so far, in bytes.
fn peak_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.split_whitespace().next());
    Ok(kib
        .ok_or("the system does not say how much memory was used")?
        .parse::<u64>()?
        << 10)
}
