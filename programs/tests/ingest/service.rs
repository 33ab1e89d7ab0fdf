//! The example as a child process, which is always ended.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

/// Longer than any working machine takes.
pub(crate) const TIME_LIMIT: Duration = Duration::from_secs(120);
/// The pause between two looks.
const PACE: Duration = Duration::from_millis(20);

pub(crate) struct Service {
    child: Child,
    printed: Mutex<Receiver<String>>,
    /// `http://` and address.
    pub(crate) url: String,
    agent: Agent,
}

/// An answer of the service.
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Response<()>,
    pub(crate) body: String,
}

impl Service {
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_with(data, arguments, &[])
    }

    /// Starts it with variables of the environment.
    pub(crate) fn start_with(data: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_logging(data, arguments, variables, Stdio::inherit())
    }

    /// Starts it on a free port, with variables of the environment and a place for its log, and waits until it says which port.
    pub(crate) fn start_logging(
        data: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
        log: Stdio,
    ) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ingest"))
            .args(["--bind", "127.0.0.1:0", "--flaky", "0", "--data"])
            .arg(data)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the example starts");
        let (send, printed) = mpsc::channel();
        let stdout = child.stdout.take().expect("it is piped");
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let url = printed
            .recv_timeout(TIME_LIMIT)
            .expect("it says its address");
        Self {
            child,
            printed: Mutex::new(printed),
            url: url.trim_end_matches('/').into(),
            agent: agent(),
        }
    }

    /// Takes an event in, which must be accepted, and returns its ID.
    #[track_caller]
    pub(crate) fn accepted(&self, delivery: &str, body: &str) -> String {
        let answer = self.hook(delivery, body).expect("it answers");
        assert_eq!(answer.status, 202, "{}", answer.body);
        let id = answer.json()["id"].as_str().map(String::from);
        id.expect("an ID")
    }

    /// Takes an event in that is no repeat of another one.
    #[track_caller]
    pub(crate) fn accepted_new(&self) -> String {
        let answer = self.post("/hooks/shop", &[], "{}").expect("it answers");
        assert_eq!(answer.status, 202, "{}", answer.body);
        let id = answer.json()["id"].as_str().map(String::from);
        id.expect("an ID")
    }

    pub(crate) fn hook(&self, delivery: &str, body: &str) -> Result<Answer, ureq::Error> {
        let headers = [("x-event", "order"), ("x-delivery", delivery)];
        self.post("/hooks/shop", &headers, body)
    }

    /// Posts JSON. A header of the same name replaces `content-type`.
    pub(crate) fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.send(body.as_ref())?)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::read(request.call().expect("it answers")).expect("a whole answer")
    }

    pub(crate) fn status(&self) -> Value {
        self.get("/status.json").json()
    }

    /// Looks until there is a value.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                start.elapsed() < TIME_LIMIT,
                "never: {what}; {}",
                self.status()
            );
            let printed = self.printed.lock();
            let _ = printed
                .unwrap_or_else(PoisonError::into_inner)
                .recv_timeout(PACE);
        }
    }

    /// Waits until each listener has ended this event, or until it is dead for it. Returns the states by listener.
    #[track_caller]
    pub(crate) fn ended(&self, id: &str) -> Vec<(String, String)> {
        self.until("an event ends", |service| {
            let answer = service.get(&format!("/events/{id}"));
            assert_eq!(answer.status, 200, "{}", answer.body);
            let way = answer.json();
            let listeners = way["listeners"].as_array().expect("listeners");
            let states = listeners.iter().map(|listener| {
                let text = |name| listener[name].as_str().expect("text").to_owned();
                (text("name"), text("state"))
            });
            let states: Vec<_> = states.collect();
            let has_ended = |state: &str| state == "done" || state == "dead";
            states
                .iter()
                .all(|(_, state)| has_ended(state))
                .then_some(states)
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Waits for its end, which must be near. Returns its exit code, and what it printed.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        let mut printed = Vec::new();
        let lines = self
            .printed
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            match lines.recv_timeout(TIME_LIMIT) {
                Ok(line) => printed.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end: {printed:?}"),
            }
        }
        let status = self.child.wait().expect("it was not waited for");
        (status.code(), printed)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn read(answer: Response<ureq::Body>) -> Result<Self, ureq::Error> {
        let (head, mut body) = answer.into_parts();
        let body = body.read_to_string()?;
        Ok(Self {
            status: head.status.as_u16(),
            headers: Response::from_parts(head, ()),
            body,
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.headers().get(name)?.to_str().ok()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        // A hung service must fail the test instead of hanging it.
        .timeout_global(Some(TIME_LIMIT))
        .proxy(None)
        .build();
    config.into()
}
