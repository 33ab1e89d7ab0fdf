//! The example as a child process, which is always ended.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than any working machine takes.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Service {
    child: Child,
    /// `http://`, address and a slash.
    pub(crate) url: String,
    printed: Lines,
    logged: Lines,
}

/// How the service has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) printed: Vec<String>,
    pub(crate) logged: Vec<String>,
}

impl Service {
    /// Starts it on a free port, and waits until it says which.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_web_service"))
            .args(["--bind", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let printed = Lines::of(child.stdout.take().expect("it is piped"));
        let logged = Lines::of(child.stderr.take().expect("it is piped"));
        let mut service = Self {
            child,
            url: String::new(),
            printed,
            logged,
        };
        let url = service.printed.wait_for("its address", |line| {
            line.starts_with("http://").then(|| line.to_owned())
        });
        service.url = url;
        service
    }

    /// Waits for a line on stdout for which `pick` returns a value.
    pub(crate) fn printed<T>(&mut self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        self.printed.wait_for(what, pick)
    }

    /// Waits for a line of the log that contains all of this.
    pub(crate) fn logged(&mut self, parts: &[&str]) -> String {
        self.logged.wait_for(&parts.join(" … "), |line| {
            let has_all = parts.iter().all(|part| line.contains(part));
            has_all.then(|| line.to_owned())
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Waits for its end, which must be near.
    pub(crate) fn end(mut self) -> Ended {
        let printed = self.printed.rest();
        let logged = self.logged.rest();
        // Both pipes are closed, so there is nothing left to wait for.
        let code = self.child.wait().expect("it was not waited for").code();
        Ended {
            code,
            printed,
            logged,
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// The value of this line of the summary.
    #[track_caller]
    pub(crate) fn value(&self, name: &str) -> u64 {
        let mut values = self.printed.iter().filter_map(|line| {
            let (found, value) = line.split_once(": ")?;
            (found == name).then(|| value.parse().expect("a number"))
        });
        let value = values.next();
        value.unwrap_or_else(|| panic!("no {name:?} in {:#?}", self.printed))
    }

    /// What became of each order, as it was logged or printed.
    pub(crate) fn fates(&self) -> BTreeMap<u64, &str> {
        const FATES: [&str; 4] = ["handled", "failed", "discarded", "unfinished"];
        let mut fates = BTreeMap::new();
        for line in self.logged.iter().chain(&self.printed) {
            let Some((order, rest)) = order_in(line) else {
                continue;
            };
            let fate = FATES.iter().find(|fate| rest.starts_with(**fate));
            if let Some(fate) = fate {
                let former = fates.insert(order, *fate);
                assert_eq!(former, None, "order {order} has ended before: {line}");
            }
        }
        fates
    }

    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(
            self.code,
            Some(code),
            "{:#?}\n{:#?}",
            self.printed,
            self.logged
        );
    }
}

/// The number of the order that the line is about, and what it says of it.
pub(crate) fn order_in(line: &str) -> Option<(u64, &str)> {
    let at = line.find("order ")?;
    let (number, rest) = line[at + "order ".len()..].split_once(": ")?;
    Some((number.parse().ok()?, rest))
}

/// The lines of a pipe, which a thread reads to its end: a full pipe would block the program.
struct Lines {
    next: Receiver<String>,
    read: Vec<String>,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (send, next) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Self {
            next,
            read: Vec::new(),
        }
    }

    fn wait_for<T>(&mut self, what: &str, pick: impl Fn(&str) -> Option<T>) -> T {
        if let Some(picked) = self.read.iter().find_map(|line| pick(line)) {
            return picked;
        }
        loop {
            let line = self.next.recv_timeout(TIME_LIMIT);
            let line = line.unwrap_or_else(|error| panic!("no {what} ({error}): {:#?}", self.read));
            self.read.push(line);
            if let Some(picked) = self.read.last().and_then(|line| pick(line)) {
                return picked;
            }
        }
    }

    fn rest(&mut self) -> Vec<String> {
        loop {
            match self.next.recv_timeout(TIME_LIMIT) {
                Ok(line) => self.read.push(line),
                Err(RecvTimeoutError::Disconnected) => return std::mem::take(&mut self.read),
                Err(RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", self.read),
            }
        }
    }
}
