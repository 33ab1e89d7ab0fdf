//! Reads lines and emits them.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use soiree::{EmitError, EventPool};

use crate::options::Options;
use crate::source::{LineError, parse};

/// What became of the lines.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fed {
    /// Lines that were not blank.
    pub(crate) read: u64,
    pub(crate) bad: u64,
    pub(crate) emitted: u64,
    pub(crate) refused: u64,
    /// A bad line ended it.
    pub(crate) stopped: bool,
}

/// Emits every line of the source, as often as asked for.
///
/// Holds one line at a time; emissions are dropped, so what waits is bounded by the pool's queue.
pub(crate) fn feed(options: &Options, soiree: &EventPool) -> io::Result<Fed> {
    let progress = progress();
    let fed = feed_with(options, soiree, &progress);
    progress.finish_and_clear();
    fed
}

fn feed_with(options: &Options, soiree: &EventPool, progress: &ProgressBar) -> io::Result<Fed> {
    let mut fed = Fed::default();
    let mut line = Vec::new();
    for round in 0..options.repeat {
        let mut lines = options.source.open()?;
        let mut number = 0_u64;
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            number += 1;
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            fed.read += 1;
            progress.inc(1);
            let Err(error) = emit_line(soiree, line, &mut fed, progress) else {
                continue;
            };
            fed.bad += 1;
            if round == 0 {
                say(progress, &format!("line {number}: {error}"));
            }
            if options.strict {
                fed.stopped = true;
                return Ok(fed);
            }
        }
    }
    Ok(fed)
}

fn emit_line(
    soiree: &EventPool,
    line: &[u8],
    fed: &mut Fed,
    progress: &ProgressBar,
) -> Result<(), LineError> {
    match soiree.emit_event(parse(line)?) {
        Ok(_) => fed.emitted += 1,
        Err(EmitError::InvalidTopic { source, .. }) => return Err(source.into()),
        Err(error) => {
            // A full queue holds `feed` back, so this is a pool that no longer works: once is enough.
            if fed.refused == 0 {
                say(progress, &error.to_string());
            }
            fed.refused += 1;
        }
    }
    Ok(())
}

/// Writes to stderr without tearing the progress bar. That nobody reads it is no reason to stop.
fn say(progress: &ProgressBar, message: &str) {
    progress.suspend(|| {
        let _ = writeln!(io::stderr(), "replay: {message}");
    });
}

fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} events, {per_sec}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
