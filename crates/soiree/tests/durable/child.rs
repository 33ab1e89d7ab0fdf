//! Other processes: this test binary, started again with a role.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::support::TIME_LIMIT;

const ROLE: &str = "SOIREE_DURABLE_ROLE";
const FOLDER: &str = "SOIREE_DURABLE_FOLDER";
const ARGUMENT: &str = "SOIREE_DURABLE_ARGUMENT";

/// What the other process does.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    let argument = std::env::var(ARGUMENT).unwrap();
    match &*role {
        "kill" => crate::kill::child(&folder, argument.parse().unwrap()),
        "poison" => crate::poison::child(&folder),
        "two poisons" => crate::poison::child_of_two(&folder),
        "power cut" => crate::power_cut::child(&folder, &argument),
        "shared" => crate::two_processes::child(&folder, &argument),
        _ => panic!("no role {role}"),
    }
}

/// Prints a line for the parent in one write.
pub(crate) fn say(line: &str) {
    // The test harness may have started a line.
    let line = format!("\n> {line}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// Lines from the parent, until it closes the pipe.
pub(crate) fn commands() -> impl Iterator<Item = String> {
    std::io::stdin().lines().map_while(Result::ok)
}

/// This test binary, as a process with a role.
pub(crate) fn command(role: &str, folder: &Path, argument: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child::child", "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .env(ARGUMENT, argument);
    command
}

/// A process that is ended when this is dropped.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    said: Receiver<String>,
}

impl Process {
    pub(crate) fn start(role: &str, folder: &Path, argument: &str) -> Self {
        let mut child = command(role, folder, argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, said) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(line) = line.strip_prefix("> ") {
                    let _ = sender.send(String::from(line));
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, said }
    }

    /// The next line that it says. `None` once it has ended and everything was read.
    #[track_caller]
    pub(crate) fn next(&self) -> Option<String> {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
        match self.said.recv_timeout(TIME_LIMIT) {
            Ok(line) => Some(line),
            Err(Disconnected) => None,
            Err(Timeout) => panic!("the process says nothing"),
        }
    }

    /// Sends a command. It may have ended meanwhile.
    pub(crate) fn send(&mut self, command: &str) {
        let input = self.input.as_mut().unwrap();
        let _ = writeln!(input, "{command}");
    }

    /// Sends a command, and returns the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(command);
        self.next().expect("the process answers")
    }

    /// SIGKILL. Returns once it has ended.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Waits until it ends, without a word to it.
    pub(crate) fn end_by_itself(&mut self) -> ExitStatus {
        while self.next().is_some() {}
        self.child.wait().unwrap()
    }

    /// Closes the pipe of commands, and waits until it ends.
    pub(crate) fn end(&mut self) -> ExitStatus {
        self.input = None;
        self.end_by_itself()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
