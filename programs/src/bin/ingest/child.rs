//! The service as a child process, for `--prove` and `--bench`.

use std::error::Error;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use reqwest::Client;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Longer than any working machine takes.
const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(60);

pub(crate) struct Service {
    child: Child,
    /// Kept, so that the service can print.
    _stdout: BufReader<ChildStdout>,
    /// `http://`, address and a slash.
    pub(crate) url: String,
}

impl Service {
    /// Starts it on a free port, and waits until it says which.
    pub(crate) async fn start(data: &Path, arguments: &[&str]) -> Result<Self, Box<dyn Error>> {
        Self::start_with(data, arguments, None).await
    }

    /// As `start`, with a variable of the environment.
    pub(crate) async fn start_with(
        data: &Path,
        arguments: &[&str],
        variable: Option<(&str, &str)>,
    ) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["--bind", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .envs(variable)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdout = child.stdout.take().ok_or("the service has no stdout")?;
        let mut stdout = BufReader::new(stdout);
        let mut url = String::new();
        timeout(START, stdout.read_line(&mut url)).await??;
        let url = url.trim().to_owned();
        if !url.starts_with("http://") {
            let status = child.wait().await?;
            return Err(format!("the service did not start: {status}").into());
        }
        Ok(Self {
            child,
            _stdout: stdout,
            url,
        })
    }

    /// Ends it as a crash would: nothing of it runs any more.
    pub(crate) async fn kill(mut self) -> Result<(), Box<dyn Error>> {
        self.child.kill().await?;
        Ok(())
    }

    /// Asks it to stop, and waits.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus, Box<dyn Error>> {
        #[cfg(unix)]
        if let Some(id) = self.child.id().and_then(|id| i32::try_from(id).ok()) {
            let id = rustix::process::Pid::from_raw(id).ok_or("the service has no ID")?;
            rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        }
        #[cfg(not(unix))]
        self.child.start_kill()?;
        Ok(timeout(END, self.child.wait()).await??)
    }

    pub(crate) async fn status(&self, client: &Client) -> Result<Value, Box<dyn Error>> {
        let answer = client
            .get(format!("{}status.json", self.url))
            .send()
            .await?;
        Ok(serde_json::from_slice(&answer.bytes().await?)?)
    }
}

/// How much work a listener has, as the status says.
pub(crate) fn unfinished(status: &Value) -> u64 {
    let listeners = status["listeners"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let work = ["waiting", "in_flight", "retrying", "behind", "suspects"];
    let counts = listeners
        .iter()
        .flat_map(|listener| work.map(|work| &listener[work]));
    counts.filter_map(Value::as_u64).sum()
}
