//! The state of the pools while the stream runs.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use soiree::{EventPool, PoolStats};

use crate::arrangement::Arrangement;
use crate::options::Options;
use crate::output::print;

const REDRAW: Duration = Duration::from_millis(100);
const REPRINT: Duration = Duration::from_secs(1);
const BAR: usize = 12;

pub(crate) struct Live {
    arrangement: Arrangement,
    speed: u32,
    /// `None` if lines are printed instead.
    table: Option<MultiProgress>,
}

impl Live {
    pub(crate) fn new(arrangement: Arrangement, options: &Options) -> Self {
        let is_table = io::stdout().is_terminal() && !options.plain;
        Self {
            arrangement,
            speed: options.speed,
            table: is_table.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout())),
        }
    }

    /// Shows the pools until `run` returns, and then a last time.
    pub(crate) fn watch<R>(&self, soiree: &EventPool, run: impl FnOnce() -> R) -> R {
        let (ended, end) = channel::<()>();
        let start = Instant::now();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut rows = Vec::new();
                let every = if self.table.is_some() {
                    REDRAW
                } else {
                    REPRINT / self.speed
                };
                loop {
                    let timeout = end.recv_timeout(every);
                    self.show(soiree, start.elapsed(), &mut rows);
                    if timeout != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
                // The last table stays on the screen.
                rows.iter().for_each(ProgressBar::abandon);
                if self.table.is_some() {
                    let _ = print("\n");
                }
            });
            let result = run();
            drop(ended);
            result
        })
    }

    fn show(&self, soiree: &EventPool, elapsed: Duration, rows: &mut Vec<ProgressBar>) {
        let Some(table) = &self.table else {
            let _ = print(&self.lines(soiree, elapsed));
            return;
        };
        let texts = self.table(soiree, elapsed);
        while rows.len() < texts.len() {
            // A row that is too wide is cut, not wrapped.
            let style = ProgressStyle::with_template("{wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            rows.push(table.add(ProgressBar::new_spinner().with_style(style)));
        }
        for (row, text) in rows.iter().zip(texts) {
            row.set_message(text);
        }
    }

    fn table(&self, soiree: &EventPool, elapsed: Duration) -> Vec<String> {
        let seconds = elapsed.as_secs_f64();
        let mut rows = vec![
            format!("{}, {seconds:.1} s", self.arrangement.name()),
            format!(
                "  {:<9} {:<20} {:<20} {:>7} {:>8}",
                "pool", "busy", "waiting", "handled", "rejected"
            ),
        ];
        for (name, stats) in &soiree.stats().pools {
            rows.push(format!(
                "  {:<9} {} {:>7} {} {:>7} {:>7} {:>8}",
                self.arrangement.label(name),
                bar(stats.active, stats.max_workers),
                share(stats.active, stats.max_workers),
                bar(stats.waiting, stats.capacity),
                share(stats.waiting, stats.capacity),
                stats.successful,
                stats.rejected,
            ));
        }
        rows
    }

    fn lines(&self, soiree: &EventPool, elapsed: Duration) -> String {
        let mut lines = String::new();
        for (name, stats) in &soiree.stats().pools {
            lines += &self.line(self.arrangement.label(name), stats, elapsed);
        }
        lines
    }

    fn line(&self, pool: &str, stats: &PoolStats, elapsed: Duration) -> String {
        format!(
            "{:<9} {:4.1} s {pool:<8} {:>5} busy {:>7} waiting {:>5} handled {:>4} rejected\n",
            self.arrangement.name(),
            elapsed.as_secs_f64(),
            share(stats.active, stats.max_workers),
            share(stats.waiting, stats.capacity),
            stats.successful,
            stats.rejected,
        )
    }
}

fn share(part: usize, whole: usize) -> String {
    format!("{part}/{whole}")
}

fn bar(part: usize, whole: usize) -> String {
    let filled = (part * BAR).div_ceil(whole.max(1)).min(BAR);
    format!("{}{}", "#".repeat(filled), ".".repeat(BAR - filled))
}
