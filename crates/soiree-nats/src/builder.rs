//! Connecting a bridge.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::ConnectOptions;
use async_nats::jetstream::stream::Config;
use soiree_core::codec::Codec;
use soiree_core::{Codecs, EventId, Pattern};
use tokio::sync::{Mutex, Semaphore, watch};

use crate::bridge::{Bridge, CHECKS, StreamCheck};
use crate::connection::{Connect, Connection};
use crate::error::NatsError;
use crate::figures::Figures;
use crate::nats::Nats;
use crate::options::Provision;
use crate::provision::{note_partitions, stream_config};
use crate::runtime::BridgeRuntime;
use crate::subject::{Subjects, check_name};

type Configure = Box<dyn FnOnce(&mut Config) + Send>;

/// Settings of a bridge. Made by [`Nats::builder`].
pub struct NatsBuilder {
    servers: Vec<String>,
    stream: String,
    prefix: String,
    partitions: Option<u32>,
    provision: Provision,
    configure: Vec<Configure>,
    codecs: Vec<(String, Box<dyn Codec>)>,
    options: Option<ConnectOptions>,
    name: Option<String>,
    ack_timeout: Duration,
}

impl Nats {
    /// Starts to set up a bridge to these servers: their URLs, separated by commas. `nats://user:password@host`, or `nats://token@host`, logs in
    /// at all of them. For other credentials and for certificates, see [`connect_options`](NatsBuilder::connect_options).
    pub fn builder(servers: &str) -> NatsBuilder {
        NatsBuilder::new(servers)
    }
}

impl NatsBuilder {
    fn new(servers: &str) -> Self {
        let servers = servers.split(',').map(|server| server.trim().to_owned());
        Self {
            servers: servers.filter(|server| !server.is_empty()).collect(),
            stream: "EVENTS".into(),
            prefix: "soiree".into(),
            partitions: None,
            provision: Provision::Create,
            configure: Vec::new(),
            codecs: Vec::new(),
            options: None,
            name: None,
            ack_timeout: Duration::from_secs(5),
        }
    }

    /// The stream: `EVENTS` by default.
    #[must_use]
    pub fn stream(mut self, name: impl Into<String>) -> Self {
        self.stream = name.into();
        self
    }

    /// What the subjects of topics start with: `soiree` by default. See [`Subjects`].
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Divides the stream into so many partitions, 1 to 256, so that [groups of processes](crate::Consume::by_partition) can handle the
    /// events of each key in order. The events of [`Publish::ordered`](crate::Publish::ordered) are in the partition of their key, in the order of
    /// the key; all others are spread by their IDs. How topics are subjects then is said at [`Subjects`].
    ///
    /// The number is stored with the stream, and **cannot be changed**: all bridges of a stream must agree, or connecting is an error that says what
    /// differs. Take more partitions than there will be processes. To change the number, make another stream with another prefix, publish
    /// there, and consume both until the old one is empty. A stream that the bridge only [uses](crate::Provision::Use) may have no such number,
    /// and then nobody compares.
    #[must_use]
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = Some(partitions);
        self
    }

    /// Whether the stream and the consumers are made, checked, or used as they are: made where they are missing by default.
    #[must_use]
    pub fn provision(mut self, provision: Provision) -> Self {
        self.provision = provision;
        self
    }

    /// Changes the settings of the stream that is made, or that the existing one is compared with. By default: the subjects below the
    /// prefix, in files, one copy, messages kept for seven days, IDs for ten minutes; a full stream rejects what is new. The name stays as it
    /// is.
    ///
    /// **A message that is older than `max_age` is gone, whether or not it was handled.** One copy is lost with its disk.
    #[must_use]
    pub fn configure_stream(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        self.configure.push(Box::new(change));
        self
    }

    /// How the payloads of the topics that match a pattern are written down, unless an outbox knows. The most specific pattern decides.
    #[must_use]
    pub fn codec(mut self, pattern: impl Into<String>, codec: impl Codec + 'static) -> Self {
        self.codecs.push((pattern.into(), Box::new(codec)));
        self
    }

    /// How the client connects: credentials, TLS, and so on. The bridge replaces the callbacks for events and for the pauses between
    /// attempts to connect.
    #[must_use]
    pub fn connect_options(mut self, options: ConnectOptions) -> Self {
        self.options = Some(options);
        self
    }

    /// The name of the client, as the server shows it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How long the server may take to acknowledge a message or a request: 5 s by default. Then it is sent again.
    #[must_use]
    pub fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.ack_timeout = timeout;
        self
    }

    /// Connects, and makes or checks the stream. Starts two threads. Blocks until then.
    ///
    /// # Errors
    /// If a setting is invalid, no server accepts the connection, or the stream is missing or differs.
    pub fn connect(self) -> Result<Nats, NatsError> {
        let prepared = self.prepare()?;
        let runtime = start_runtime()?;
        let nats = runtime.wait(prepared.open(Arc::clone(&runtime), false));
        nats.unwrap_or(Err(NatsError::Closed))
    }

    /// As [`connect`](Self::connect), in async code, on any runtime.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_async(self) -> Result<Nats, NatsError> {
        let prepared = self.prepare()?;
        let runtime = start_runtime()?;
        let nats = runtime.spawn(prepared.open(Arc::clone(&runtime), false));
        nats.await.unwrap_or(Err(NatsError::Closed))
    }

    /// As [`connect`](Self::connect), but does not wait for a server: a program may start while there is none. The stream is made or checked
    /// as soon as there is one, and nothing is published before. What goes wrong is in the [figures](Nats::stats).
    ///
    /// # Errors
    /// If a setting is invalid.
    pub fn connect_later(self) -> Result<Nats, NatsError> {
        let prepared = self.prepare()?;
        let runtime = start_runtime()?;
        let nats = runtime.wait(prepared.open(Arc::clone(&runtime), true));
        nats.unwrap_or(Err(NatsError::Closed))
    }

    /// Checks everything.
    fn prepare(self) -> Result<Prepared, NatsError> {
        let subjects = match self.partitions {
            Some(partitions) => Subjects::partitioned(&self.prefix, partitions)?,
            None => Subjects::new(&self.prefix)?,
        };
        check_name("stream", &self.stream)?;
        if self.ack_timeout.is_zero() {
            let setting = "ack_timeout";
            return Err(NatsError::Zero { setting });
        }
        let mut stream = stream_config(&self.stream, subjects.of_stream());
        for change in self.configure {
            change(&mut stream);
        }
        stream.name = self.stream;
        note_partitions(&mut stream, self.partitions);
        let mut codecs = Codecs::default();
        for (pattern, codec) in self.codecs {
            codecs.insert(Pattern::new(&pattern)?, codec);
        }
        Ok(Prepared {
            subjects,
            stream,
            provision: self.provision,
            codecs,
            ack_timeout: self.ack_timeout,
            connect: Connect {
                servers: self.servers,
                options: self.options,
                name: self.name,
                ack_timeout: self.ack_timeout,
                is_lazy: false,
            },
        })
    }
}

fn start_runtime() -> Result<Arc<BridgeRuntime>, NatsError> {
    let runtime = BridgeRuntime::start().map_err(NatsError::Runtime)?;
    Ok(Arc::new(runtime))
}

/// A bridge that is not connected.
struct Prepared {
    subjects: Subjects,
    stream: Config,
    provision: Provision,
    codecs: Codecs,
    ack_timeout: Duration,
    connect: Connect,
}

impl Prepared {
    async fn open(self, runtime: Arc<BridgeRuntime>, is_lazy: bool) -> Result<Nats, NatsError> {
        let figures = Arc::<Figures>::default();
        let connect = Connect {
            is_lazy,
            ..self.connect
        };
        let bridge = Arc::new(Bridge {
            connection: Connection::open(connect, Arc::clone(&figures)).await?,
            runtime,
            subjects: self.subjects,
            stream: self.stream,
            provision: self.provision,
            codecs: self.codecs,
            origin: EventId::new(),
            ack_timeout: self.ack_timeout,
            figures,
            closing: watch::Sender::new(false),
            stream_check: watch::Sender::new(StreamCheck::Pending(None)),
            mending: Mutex::default(),
            checks: Semaphore::new(CHECKS),
        });
        if is_lazy {
            let later = Arc::clone(&bridge).ensure_stream_later();
            bridge.runtime.spawn(later);
        } else {
            bridge.ensure_stream().await?;
        }
        Ok(Nats::new(bridge))
    }
}

impl fmt::Debug for NatsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the servers nor the options: they may have passwords.
        f.debug_struct("NatsBuilder")
            .field("stream", &self.stream)
            .field("prefix", &self.prefix)
            .field("provision", &self.provision)
            .finish_non_exhaustive()
    }
}
