//! Calls of the flaky server, from a thread and from async code.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use soiree::{BoxError, ListenerError, ListenerErrorKind, RetryAfter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use ureq::Agent;

/// What is read of an answer.
const MOST_BYTES: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{path} answered {status}")]
    Status {
        path: &'static str,
        status: u16,
        retry_after: Option<Duration>,
    },
    #[error("{path} did not answer: {source}")]
    NoAnswer {
        path: &'static str,
        source: io::Error,
    },
}

impl CallError {
    fn check(path: &'static str, status: u16, retry_after: Option<&str>) -> Result<(), Self> {
        if (200..300).contains(&status) {
            return Ok(());
        }
        let seconds = retry_after.and_then(|text| text.trim().parse().ok());
        Err(Self::Status {
            path,
            status,
            retry_after: seconds.map(Duration::from_secs),
        })
    }

    /// Whether a further call may succeed.
    fn is_transient(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            Self::NoAnswer { .. } => true,
        }
    }

    /// The error as a listener returns it: with what the server says about a further call.
    pub(crate) fn advised(self) -> BoxError {
        match self {
            Self::Status {
                retry_after: Some(delay),
                ..
            } => RetryAfter(delay, self).into(),
            other => other.into(),
        }
    }
}

/// Whether a listener that failed with this error is retried.
pub(crate) fn is_transient(error: &ListenerError) -> bool {
    let call: Option<&CallError> = error.downcast_ref();
    error.kind() == ListenerErrorKind::TimedOut || call.is_some_and(CallError::is_transient)
}

/// Calls on threads. A thread cannot be stopped, so the client limits the time itself.
pub(crate) struct BlockingClient {
    agent: Agent,
    server: SocketAddr,
}

impl BlockingClient {
    pub(crate) fn new(server: SocketAddr, time_limit: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(time_limit))
            .proxy(None)
            .build();
        let agent = config.into();
        Self { agent, server }
    }

    pub(crate) fn post(&self, path: &'static str, body: &str) -> Result<(), CallError> {
        let url = format!("http://{}{path}", self.server);
        let answer = self.agent.post(&url).send(body);
        let answer = answer.map_err(|error| CallError::NoAnswer {
            path,
            source: error.into_io(),
        })?;
        let retry_after = answer.headers().get("retry-after");
        let retry_after = retry_after.and_then(|value| value.to_str().ok());
        CallError::check(path, answer.status().as_u16(), retry_after)
    }
}

/// Calls in async code, without a time limit: that of the listener drops the future, and with it the connection.
///
/// A program of yours has a library for this.
pub(crate) async fn post(
    server: SocketAddr,
    path: &'static str,
    body: String,
) -> Result<(), CallError> {
    let answer = exchange(server, path, &body).await;
    let answer = answer.map_err(|source| CallError::NoAnswer { path, source })?;
    let mut lines = answer.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| CallError::NoAnswer {
        path,
        source: io::ErrorKind::InvalidData.into(),
    })?;
    let retry_after = lines.find_map(|line| line.strip_prefix("retry-after:"));
    CallError::check(path, status, retry_after)
}

async fn exchange(server: SocketAddr, path: &str, body: &str) -> io::Result<String> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {server}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    let mut limited = stream.take(MOST_BYTES);
    limited.read_to_string(&mut answer).await?;
    Ok(answer)
}
