//! Programs that some tests need: found or said to be missing, started and surely ended.

use std::env;
use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Set by `.ci/run`, which installs all tools: a test that lacks one fails then, rather than being skipped.
const NEEDED: &str = "SOIREE_TESTS_MUST_RUN";
/// Longer than any machine takes that is not hung.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at what does not tell by itself.
const PACE: Duration = Duration::from_millis(100);

/// Where the first of these programs is that is there; `None` if the test is to be skipped.
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
    /// What it has said so far.
    said: String,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (tell, lines) = mpsc::channel();
        let out: Box<dyn Read + Send> = Box::new(child.stdout.take().expect("it is piped"));
        let err: Box<dyn Read + Send> = Box::new(child.stderr.take().expect("it is piped"));
        for stream in [out, err] {
            let tell = tell.clone();
            thread::spawn(move || {
                // To the end, whoever listens: a full pipe would stop the program.
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = tell.send(line);
                }
            });
        }
        Self {
            child,
            lines,
            said: String::new(),
        }
    }

    /// Waits for a line that `pick` makes something of.
    pub(crate) fn line<T>(&mut self, pick: impl Fn(&str) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(line) = self.listen(PATIENCE) {
                if let Some(picked) = pick(&line) {
                    return picked;
                }
            }
            self.assert_patient(start);
        }
    }

    /// Looks again and again, while the program runs, until there is something.
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
    fn listen(&mut self, patience: Duration) -> Option<String> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => {
                let _ = writeln!(self.said, "{line}");
                Some(line)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("it has ended, and said\n{}", self.said),
        }
    }

    fn assert_patient(&self, start: Instant) {
        assert!(
            start.elapsed() < PATIENCE,
            "nothing for {PATIENCE:?}, it has said\n{}",
            self.said
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
