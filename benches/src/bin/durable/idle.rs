//! What an outbox does when nothing is to be done.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use soiree::{Event, EventPool, ListenerOptions};

use crate::emitting::{BYTES, TIME_LIMIT, builder};
use crate::result::Result;

const LISTENERS: usize = 100;
/// Until the threads of what was before rest.
const SETTLE: Duration = Duration::from_millis(300);

/// How often threads were switched to, with an idle outbox and with an idle event pool.
pub(crate) fn switches(path: &Path, during: Duration) -> Result<(f64, f64)> {
    let outbox = builder(path).build(EventPool::new())?;
    for number in 0..LISTENERS {
        let options = ListenerOptions::new().durable(format!("listener {number}"));
        outbox.on_with("a.*", options, |_: &dyn Event| {})?;
    }
    outbox.start()?;
    outbox.emit("a.b", vec![7_u8; BYTES])?;
    outbox.drain(TIME_LIMIT)?;
    let with_outbox = count(during)?;
    outbox.close()?;

    let soiree = EventPool::new();
    for _ in 0..LISTENERS {
        soiree.on("a.*", |_| {})?;
    }
    soiree.emit("a.b", vec![7_u8; BYTES])?.wait();
    let without = count(during)?;
    soiree.close()?;
    Ok((with_outbox, without))
}

fn count(during: Duration) -> Result<f64> {
    thread::sleep(SETTLE);
    let before = switched()?;
    thread::sleep(during);
    let after = switched()?;
    let more = after
        .iter()
        .map(|(thread, count)| count - before.get(thread).unwrap_or(&0));
    Ok(more.sum::<i64>() as f64)
}

/// How often each thread of this process was switched to so far.
fn switched() -> Result<HashMap<OsString, i64>> {
    let mut threads = HashMap::new();
    for thread in fs::read_dir("/proc/self/task")? {
        let thread = thread?;
        // It may have ended.
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let counts = status
            .lines()
            .filter_map(|line| line.split_once("ctxt_switches:"));
        for (_, count) in counts {
            *threads.entry(thread.file_name()).or_default() += count.trim().parse::<i64>()?;
        }
    }
    Ok(threads)
}
