//! The result of a replay.

use std::io::{self, Write};
use std::time::Duration;

use soiree::PoolStats;

use crate::feed::Fed;
use crate::listeners::Volume;

pub(crate) struct Summary {
    pub(crate) fed: Fed,
    pub(crate) handled: u64,
    pub(crate) failed: u64,
    pub(crate) digest: String,
    pub(crate) elapsed: Duration,
    pub(crate) sink_handled: u64,
    pub(crate) sink_rejected: u64,
    pub(crate) main_pool: PoolStats,
    pub(crate) sink_pool: PoolStats,
    pub(crate) prefixes: Vec<(Box<str>, Volume)>,
}

impl Summary {
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let seconds = self.elapsed.as_secs_f64();
        writeln!(
            out,
            "shows: events from JSON lines on a bounded pool, and a slow sink on another"
        )?;
        writeln!(
            out,
            "why: with bounded memory, each event that is read is handled, or counted as what became of it\n"
        )?;
        writeln!(out, "events read: {}", self.fed.read)?;
        writeln!(out, "bad lines: {}", self.fed.bad)?;
        writeln!(out, "emitted: {}", self.fed.emitted)?;
        writeln!(out, "rejected: {}", self.fed.rejected)?;
        writeln!(out, "handled: {}", self.handled)?;
        writeln!(out, "failed: {}", self.failed)?;
        writeln!(out, "sink handled: {}", self.sink_handled)?;
        writeln!(out, "sink rejected: {}", self.sink_rejected)?;
        writeln!(out, "digest: {}", self.digest)?;
        writeln!(out, "elapsed: {seconds:.3} s")?;
        writeln!(
            out,
            "throughput: {:.0} events/s",
            self.handled as f64 / seconds.max(1e-9)
        )?;
        write_pool(out, "main pool", &self.main_pool)?;
        write_pool(out, "sink pool", &self.sink_pool)?;
        for (prefix, Volume { events, bytes }) in &self.prefixes {
            writeln!(out, "prefix {prefix}: {events} events, {bytes} bytes")?;
        }
        out.flush()
    }

    /// Returns `true` if every line was an event, and every event was accepted and handled without an error.
    pub(crate) fn is_clean(&self) -> bool {
        self.fed.bad == 0 && self.fed.rejected == 0 && self.failed == 0
    }
}

fn write_pool(out: &mut impl Write, name: &str, stats: &PoolStats) -> io::Result<()> {
    writeln!(
        out,
        "{name}: submitted {}, successful {}, failed {}, expired {}, discarded {}, rejected {}",
        stats.submitted,
        stats.successful,
        stats.failed,
        stats.expired,
        stats.discarded,
        stats.rejected,
    )
}
