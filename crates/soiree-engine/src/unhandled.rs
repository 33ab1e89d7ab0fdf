//! Printing what nobody else says: errors of listeners that nobody handles, and emissions that are left at the end.

use std::collections::VecDeque;
use std::io::{Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use soiree_core::ListenerError;
use soiree_core::panic::caught;

/// No more lines than this within [`PERIOD`], so that a listener which always fails does not fill a log.
const MAX_LINES: usize = 10;
const PERIOD: Duration = Duration::from_secs(1);

/// Prints errors that no handler was called for and no report is read for. Each is one line on stderr, as long as there are few.
///
/// Those that are not printed are counted. The count is printed with the next line, when the emitter is closed, or at the end.
#[derive(Default)]
pub(crate) struct UnhandledErrors(Mutex<Lines>);

#[derive(Default)]
struct Lines {
    /// When the last ones were printed, up to [`MAX_LINES`] of them.
    printed: VecDeque<Instant>,
    omitted: u64,
}

impl Lines {
    /// Whether one more line may be printed now. If so, returns how many errors were not printed before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.printed.len() == MAX_LINES {
            let first = self.printed[0];
            if now.saturating_duration_since(first) < PERIOD {
                self.omitted += 1;
                return None;
            }
            self.printed.pop_front();
        }
        self.printed.push_back(now);
        Some(self.take_omitted())
    }

    fn take_omitted(&mut self) -> u64 {
        std::mem::take(&mut self.omitted)
    }
}

impl UnhandledErrors {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints an error, or counts it. Must not be called under a lock: the error formats itself, and that is user code.
    #[cold]
    pub(crate) fn print(&self, error: &ListenerError) {
        let admitted = self.lock().admit(Instant::now());
        if let Some(omitted) = admitted {
            print_omitted(omitted);
            print_line(&format!("unhandled error: {}", in_one_line(error)));
        }
    }

    /// Counts errors whose text is gone.
    pub(crate) fn omit(&self, errors: u64) {
        self.lock().omitted += errors;
    }

    /// Prints that emissions were left when the last handle was dropped. Once for each emitter, so it is not limited.
    #[cold]
    pub(crate) fn print_left(&self, emissions: u64) {
        let (left, are) = match emissions {
            1 => (String::from("1 accepted emission"), "it is"),
            _ => (format!("{emissions} accepted emissions"), "they are"),
        };
        print_line(&format!(
            "an event pool was dropped before the end of {left}: if the process ends first, {are} lost, unless durable; close it, or \
             use close_on_drop"
        ));
    }

    /// Prints how many errors were not printed.
    pub(crate) fn flush(&self) {
        let omitted = self.lock().take_omitted();
        print_omitted(omitted);
    }
}

impl Drop for UnhandledErrors {
    fn drop(&mut self) {
        self.flush();
    }
}

fn print_omitted(omitted: u64) {
    match omitted {
        0 => {}
        1 => print_line("1 more unhandled error was not printed"),
        _ => print_line(&format!("{omitted} more unhandled errors were not printed")),
    }
}

fn print_line(line: &str) {
    // That nobody reads it is no error.
    let _ = writeln!(stderr(), "soiree: {line}");
}

fn in_one_line(error: &ListenerError) -> String {
    let text = caught(|| error.to_string()).unwrap_or_else(|_| {
        let listener = error.name().unwrap_or(error.listener().as_str());
        let (pattern, topic) = (error.pattern(), error.topic());
        format!("listener {listener} on {pattern} failed for {topic}: the text of its error panics")
    });
    text.replace(char::is_control, " ")
}

#[cfg(all(test, not(soiree_model)))]
mod tests {
    use super::*;

    /// Ten lines within any second, and each error that has no line is counted once.
    #[test]
    fn ten_lines_a_second_are_printed_and_the_others_counted() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut lines = Lines::default();
        assert_eq!(lines.admit(at(0)), Some(0));
        for _ in 0..9 {
            assert_eq!(lines.admit(at(900)), Some(0));
        }
        for _ in 0..5 {
            assert_eq!(lines.admit(at(999)), None);
        }
        // The first of the ten was printed a second ago, the others were not.
        assert_eq!(lines.admit(at(1000)), Some(5));
        assert_eq!(lines.admit(at(1000)), None);
        for line in 0..9 {
            assert_eq!(lines.admit(at(1900)), Some(u64::from(line == 0)));
        }
        assert_eq!(lines.admit(at(1999)), None);
        assert_eq!(lines.take_omitted(), 1);
        assert_eq!(lines.take_omitted(), 0);
    }
}
