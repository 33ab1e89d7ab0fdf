//! External programs for tests: found or reported missing, started, and always ended.

use std::env;
use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// `.ci/run` installs all tools and sets this variable: a test without its tool then fails instead of being skipped.
const NEEDED: &str = "SOIREE_TESTS_MUST_RUN";
/// Longer than any working machine takes.
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// The pause between two polls.
const PACE: Duration = Duration::from_millis(100);

/// Returns the path of the first of these programs that is installed; `None` if the test is to be skipped.
pub(crate) fn tool(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = names
        .iter()
        .flat_map(|name| env::split_paths(&path).map(move |folder| folder.join(name)))
        .find(|program| program.is_file());
    if found.is_none() {
        let missing = names.join(" or ");
        assert!(
            env::var_os(NEEDED).is_none(),
            "{missing} is not there, and {NEEDED} is set"
        );
        eprintln!("skipped: {missing} is not there");
    }
    found
}

/// A program that runs until this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// What it has printed so far.
    printed: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (send, lines) = mpsc::channel();
        let out: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("it is piped"));
        let err: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("it is piped"));
        for stream in [out, err] {
            let send = send.clone();
            thread::spawn(move || {
                // Reads to the end even if nobody listens: a full pipe would block the program.
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        Self {
            child,
            lines,
            printed: String::new(),
        }
    }

    /// Waits for a line for which `pick` returns a value, and returns that.
    pub(crate) fn line<T>(&mut self, pick: impl Fn(&str) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(line) = self.listen(TIME_LIMIT) {
                if let Some(picked) = pick(&line) {
                    return picked;
                }
            }
            self.assert_patient(start);
        }
    }

    /// Calls `look` until it returns a value, as long as the program runs.
    pub(crate) fn until<T>(&mut self, mut look: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look() {
                return found;
            }
            self.listen(PACE);
            self.assert_patient(start);
        }
    }

    /// Waits for the program's next line, and fails if it has ended.
    fn listen(&mut self, time_limit: Duration) -> Option<String> {
        match self.lines.recv_timeout(time_limit) {
            Ok(line) => {
                let _ = writeln!(self.printed, "{line}");
                Some(line)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                panic!("it has ended, and printed\n{}", self.printed)
            }
        }
    }

    fn assert_patient(&self, start: Instant) {
        assert!(
            start.elapsed() < TIME_LIMIT,
            "nothing for {TIME_LIMIT:?}, it has printed\n{}",
            self.printed
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
