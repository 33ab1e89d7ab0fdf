//! The connection to the servers.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use bytes::Bytes;
use soiree_core::BoxError;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::error::NatsError;
use crate::figures::Figures;
use crate::subject::decode;

/// A connection that is made anew for as long as the bridge exists.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) context: jetstream::Context,
    is_connected: watch::Receiver<bool>,
    is_closed: watch::Receiver<bool>,
    losses: watch::Receiver<u64>,
}

/// What the connection is made with.
pub(crate) struct Connect {
    pub(crate) servers: Vec<String>,
    pub(crate) options: Option<ConnectOptions>,
    pub(crate) name: Option<String>,
    pub(crate) ack_timeout: Duration,
    /// Whether to go on without a server.
    pub(crate) is_lazy: bool,
}

impl Connect {
    /// The addresses, or what is wrong with them: a client without one would wait for ever.
    fn addresses(&self) -> Result<Vec<ServerAddr>, BoxError> {
        if self.servers.is_empty() {
            return Err("no address is given".into());
        }
        let parse = |server: &String| server.parse::<ServerAddr>().map_err(BoxError::from);
        self.servers.iter().map(parse).collect()
    }
}

/// How often the client looks whether the server is still there. Its own default takes two minutes to notice.
const PING: Duration = Duration::from_secs(10);

/// The longest pause between two attempts to connect.
const MAX_PAUSE: Duration = Duration::from_secs(4);

impl Connection {
    pub(crate) async fn open(connect: Connect, figures: Arc<Figures>) -> Result<Self, NatsError> {
        let servers = without_credentials(&connect.servers);
        let failed = |source: BoxError| NatsError::Connect {
            servers: servers.as_str().into(),
            source,
        };
        let addresses = connect.addresses().map_err(failed)?;
        let (connected, is_connected) = watch::channel(false);
        let (closed, is_closed) = watch::channel(false);
        let (lost, losses) = watch::channel(0);
        let options = connect
            .options
            .unwrap_or_else(|| ConnectOptions::new().ping_interval(PING));
        let mut options = log_in(options, &addresses)
            .reconnect_delay_callback(pause)
            .event_callback(move |event| {
                match event {
                    Event::Connected => {
                        figures.connections.add();
                        connected.send_replace(true);
                    }
                    Event::Disconnected => {
                        lost.send_modify(|times| *times += 1);
                        connected.send_replace(false);
                    }
                    Event::Closed => {
                        connected.send_replace(false);
                        closed.send_replace(true);
                    }
                    Event::ServerError(error) => figures.server_says(&error),
                    Event::ClientError(error) => figures.fail(&error),
                    _ => {}
                }
                std::future::ready(())
            });
        if let Some(name) = connect.name {
            options = options.name(name);
        }
        if connect.is_lazy {
            options = options.retry_on_initial_connect();
        }
        let client = options.connect(&addresses[..]).await;
        let client = client.map_err(|error| failed(error.into()))?;
        if !connect.is_lazy {
            // The client says so a moment later, and what is asked for until then would not be checked.
            let mut state = is_connected.clone();
            let _ = timeout(PING, state.wait_for(|is_connected| *is_connected)).await;
        }
        let context = jetstream::context::ContextBuilder::new()
            .timeout(connect.ack_timeout)
            .ack_timeout(connect.ack_timeout)
            .backpressure_on_inflight(true)
            .build(client.clone());
        Ok(Self {
            client,
            context,
            is_connected,
            is_closed,
            losses,
        })
    }

    pub(crate) fn is_connected(&self) -> bool {
        *self.is_connected.borrow()
    }

    /// Waits for a connection, but no longer than this. Returns whether there is one.
    pub(crate) async fn ready(&self, limit: Duration) -> bool {
        if *self.is_connected.borrow() {
            return true;
        }
        let mut state = self.is_connected.clone();
        let ready = timeout(limit, state.wait_for(|is_connected| *is_connected)).await;
        matches!(ready, Ok(Ok(_)))
    }

    /// The version of the server, if it is too old: one before 2.10 keeps no metadata with a stream, and drops them without a word.
    pub(crate) fn version_if_too_old(&self) -> Option<Box<str>> {
        let version = self.client.server_info().version;
        // It is not known before the first connection.
        let is_old = !version.is_empty() && !self.client.is_server_compatible(2, 10, 0);
        is_old.then(|| version.into())
    }

    /// How often a connection was lost.
    pub(crate) fn losses(&self) -> u64 {
        *self.losses.borrow()
    }

    /// Waits until connections were lost so often.
    pub(crate) async fn lost(&self, times: u64) {
        let mut losses = self.losses.clone();
        if losses.wait_for(|lost| *lost >= times).await.is_err() {
            std::future::pending().await
        }
    }

    /// Sends a message that nothing depends on. What cannot be sent soon is dropped.
    pub(crate) async fn send(&self, subject: async_nats::Subject, payload: Bytes) {
        if self.is_connected() {
            let _ = timeout(
                Duration::from_secs(1),
                self.client.publish(subject, payload),
            )
            .await;
        }
    }

    /// Sends what waits, and closes the connection. Waits no longer than this, and not at all without a server.
    pub(crate) async fn drain(&self, limit: Duration) {
        if !self.is_connected() {
            return;
        }
        let mut closed = self.is_closed.clone();
        let drained = async {
            let _ = self.client.flush().await;
            if self.client.drain().await.is_ok() {
                let _ = closed.wait_for(|is_closed| *is_closed).await;
            }
        };
        let _ = timeout(limit, drained).await;
    }
}

/// With what the first address that has it says before its `@`: a user and a password, or a token. The client does not look there.
fn log_in(options: ConnectOptions, addresses: &[ServerAddr]) -> ConnectOptions {
    let credentials = addresses.iter().find_map(|address| {
        let user = decode(address.username()?)?;
        Some((user, address.password().map(decode)))
    });
    match credentials {
        None => options,
        Some((token, None)) => options.token(token),
        Some((user, Some(password))) => {
            options.user_and_password(user, password.unwrap_or_default())
        }
    }
}

/// Doubles, and is random in part: the clients of a server that comes back must not all come at once.
fn pause(attempts: usize) -> Duration {
    let exponent = u32::try_from(attempts.min(8)).unwrap_or(8);
    let most = MAX_PAUSE.min(Duration::from_millis(20) * 2_u32.pow(exponent));
    most / 2 + most.mul_f64(fastrand::f64() / 2.0)
}

/// The addresses for messages: what is before an `@` may be a password.
fn without_credentials(servers: &[String]) -> String {
    let shown = servers.iter().map(|server| match server.rsplit_once('@') {
        Some((_, host)) => host,
        None => server,
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_shows_a_password() {
        let servers = ["nats://user:secret@a:4222".into(), "b".into()];
        assert_eq!(without_credentials(&servers), "a:4222, b");
    }

    /// N8: a client that waits for its server neither spins nor gives up.
    #[test]
    fn pauses_grow_to_seconds() {
        for attempts in [0, 1, 8, usize::MAX] {
            let pause = pause(attempts);
            assert!(pause >= Duration::from_millis(10) && pause <= MAX_PAUSE);
        }
        assert!(pause(20) >= MAX_PAUSE / 2);
    }
}
