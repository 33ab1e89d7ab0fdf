//! Reads lines and emits each as an event.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use soiree::{EmitError, EventPool};

use crate::options::Options;
use crate::source::{LineError, parse};

/// What happened to the lines.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fed {
    /// How many lines were not blank.
    pub(crate) read: u64,
    pub(crate) bad: u64,
    pub(crate) emitted: u64,
    pub(crate) rejected: u64,
    /// Whether a bad line ended the replay.
    pub(crate) stopped: bool,
}

/// Emits every line of the source, once in each round.
///
/// Holds one line at a time and keeps no emission, so the pool's queue bounds the memory.
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
            // A full queue blocks, so the pool no longer works. One message is enough.
            if fed.rejected == 0 {
                say(progress, &error.to_string());
            }
            fed.rejected += 1;
        }
    }
    Ok(())
}

/// Writes to stderr without tearing the progress bar. That nobody reads it is no error.
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
