//! Cargo in the root of the repository, as users run it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::nats::nats_server;

/// Longer than any working machine takes to start a program that is built.
const TIME_LIMIT: Duration = Duration::from_secs(120);
/// Examples that run until a signal stops them, and what is added so that they meet no other one: a free port, a folder.
const SERVICES: [(&str, &[&str]); 4] = [
    ("fleet", &[]),
    ("ingest", &["--bind", "127.0.0.1:0", "--data", FOLDER]),
    ("metrics", &["--bind", "127.0.0.1:0"]),
    ("web_service", &["--bind", "127.0.0.1:0"]),
];
/// Stands for a temporary folder.
const FOLDER: &str = "{folder}";

/// Several at once would wait for each other, and say so.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

pub(crate) fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// One Cargo at a time, after everything was built.
fn cargo(arguments: &[&str]) -> (Command, MutexGuard<'static, ()>) {
    static BUILT: Once = Once::new();
    let one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // All at once, on all processors. What fails here fails again where it is run, and shows why.
    BUILT.call_once(|| {
        let programs = ["--bins", "--manifest-path", "programs/Cargo.toml"];
        for what in [&["--examples"], &programs[..]] {
            let _ = command(&[&["build", "--quiet"], what].concat()).status();
        }
    });
    (command(arguments), one)
}

/// Into the directory that this test was built into.
fn command(arguments: &[&str]) -> Command {
    let this = std::env::current_exe().expect("a test knows its own path");
    let target = this.ancestors().nth(3).expect("target/<profile>/deps");
    let mut command = Command::new(env!("CARGO"));
    command
        .args(arguments)
        .current_dir(path())
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null());
    soiree_launch::outside_of_package(&mut command);
    if let Some(server) = nats_server() {
        command.env("NATS_SERVER", server);
    }
    command
}

/// Runs Cargo until it ends.
pub(crate) fn output(arguments: &[&str]) -> Output {
    let (mut command, _one) = cargo(arguments);
    command.output().expect("cargo starts")
}

/// Runs Cargo until it ends, which must be a success, and returns what it has printed.
#[track_caller]
pub(crate) fn prints(arguments: &[&str]) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = output(arguments);
    let stdout = String::from_utf8_lossy(&stdout);
    let stderr = String::from_utf8_lossy(&stderr);
    assert!(
        status.success(),
        "cargo {}: {status}\n{stdout}\n{stderr}",
        arguments.join(" ")
    );
    stdout.into()
}

/// A service that Cargo has become. It is always ended.
struct Service {
    child: Child,
    lines: Receiver<String>,
    printed: String,
}

impl Service {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo starts");
        let stdout = child.stdout.take().expect("it is piped");
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Self {
            child,
            lines,
            printed: String::new(),
        }
    }

    /// Waits for a line that starts like this.
    #[track_caller]
    fn line(&mut self, start: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(TIME_LIMIT) else {
                panic!("no line {start:?} in\n{}", self.printed)
            };
            self.printed.push_str(&line);
            self.printed.push('\n');
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// Ctrl-C.
    #[track_caller]
    fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it runs");
        loop {
            match self.lines.recv_timeout(TIME_LIMIT) {
                Ok(line) => self.printed.push_str(&line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end of\n{}", self.printed),
            }
        }
        let status = self.child.wait().expect("it was not waited for");
        assert!(status.success(), "{status}: {}", self.printed);
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether these arguments of Cargo start an example that runs until a signal stops it.
pub(crate) fn is_service(arguments: &[&str]) -> bool {
    let modes = ["--help", "--prove", "--bench"];
    let has_mode = modes.iter().any(|mode| arguments.contains(mode));
    !has_mode && of_service(arguments).is_some()
}

fn of_service(arguments: &[&str]) -> Option<(&'static str, &'static [&'static str])> {
    let mut services = SERVICES.into_iter();
    services.find(|(name, _)| {
        arguments
            .windows(2)
            .any(|pair| pair == ["--example", *name])
    })
}

/// Starts a service, looks at it once it says where it is, and stops it as Ctrl-C does. Returns what it has printed by then.
#[track_caller]
pub(crate) fn serves(arguments: &[&str]) -> String {
    let (name, added) = of_service(arguments).expect("a service");
    if name == "fleet" && nats_server().is_none() {
        return String::from("shows: skipped\nwhy: skipped\n");
    }
    let separator: &[&str] = if arguments.contains(&"--") {
        &[]
    } else {
        &["--"]
    };
    // It builds, which may take longer than any limit.
    prints(&[arguments, separator, &["--help"]].concat());

    let folder = TempDir::new().expect("there is room for a folder");
    let folder = folder.path().to_str().expect("text");
    let added = added.iter().map(|word| match *word {
        FOLDER => folder,
        word => word,
    });
    let added: Vec<&str> = added.collect();
    let (command, _one) = cargo(&[arguments, separator, &added].concat());
    let mut service = Service::start(command);
    if name == "fleet" {
        service.line("nats://");
    } else {
        let url = service.line("http://");
        assert!(answers(&url), "{url}");
    }
    service.line("why: ");
    // A signal to the process of Cargo is one to the service, and the service is found by its name.
    #[cfg(target_os = "linux")]
    {
        let comm = format!("/proc/{}/comm", service.child.id());
        let found = std::fs::read_to_string(comm).expect("it runs");
        assert_eq!(found.trim_end(), name);
    }
    let printed = service.printed.clone();
    service.stop();
    printed
}

/// Whether there is an HTTP server, whatever it answers.
fn answers(url: &str) -> bool {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIME_LIMIT))
        .proxy(None)
        .build();
    ureq::Agent::from(config).get(url).call().is_ok()
}
