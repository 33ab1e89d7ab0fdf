//! One process of the group, seen by the program that starts it.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::outcome::Outcome;

/// How many processes share the work.
pub(crate) const MEMBERS: usize = 3;
/// Longer than any working machine takes.
const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(60);

pub(crate) struct Process {
    child: Child,
    /// The process ends when this is closed, however this program ends.
    _stdin: ChildStdin,
    /// Kept, so that the process can print.
    _stdout: BufReader<ChildStdout>,
    /// `http://`, address and a slash.
    pub(crate) url: String,
}

impl Process {
    /// Starts it on a free port, and waits until it says which.
    pub(crate) async fn start(index: usize, nats: &str, data: &Path) -> Outcome<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["member", &index.to_string(), nats])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        // A Ctrl-C is for this program, which ends the others in order.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take().ok_or("the process has no stdin")?;
        let stdout = child.stdout.take().ok_or("the process has no stdout")?;
        let mut stdout = BufReader::new(stdout);
        let mut url = String::new();
        timeout(START, stdout.read_line(&mut url)).await??;
        let url = url.trim().to_owned();
        if !url.starts_with("http://") {
            let status = child.wait().await?;
            return Err(format!("process {index} did not start: {status}").into());
        }
        Ok(Self {
            child,
            _stdin: stdin,
            _stdout: stdout,
            url,
        })
    }

    /// Ends it as a crash would: nothing of it runs any more.
    pub(crate) async fn kill(mut self) -> Outcome<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Asks it to stop, and waits.
    pub(crate) async fn stop(self) -> Outcome<ExitStatus> {
        end(self.child).await
    }

    pub(crate) async fn status(&self, client: &Client) -> Outcome<Value> {
        let answer = client
            .get(format!("{}status.json", self.url))
            .send()
            .await?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }
}

/// Asks a child to end, and waits.
pub(crate) async fn end(mut child: Child) -> Outcome<ExitStatus> {
    #[cfg(unix)]
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok()) {
        let id = rustix::process::Pid::from_raw(id).ok_or("the process has no ID")?;
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
    }
    #[cfg(not(unix))]
    child.start_kill()?;
    Ok(timeout(END, child.wait()).await??)
}
