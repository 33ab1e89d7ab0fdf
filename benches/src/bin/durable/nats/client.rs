//! The client alone.

use std::time::Instant;

use futures_util::{StreamExt, TryStreamExt, stream};
use soiree::nats::async_nats;
use soiree::nats::async_nats::jetstream::consumer::{AckPolicy, pull};
use soiree::nats::async_nats::jetstream::{self, Context};
use tokio::runtime::Runtime;

use super::setup::{PREFIX, STREAM, WINDOW, bridge};
use crate::emitting::{BYTES, rate};
use crate::result::Result;

pub(crate) struct Client {
    context: Context,
}

type Failed = Box<dyn std::error::Error>;

impl Client {
    /// With a stream as the bridge makes it.
    pub(crate) fn connect(runtime: &Runtime, url: &str) -> Result<Self> {
        bridge(url).connect()?.close()?;
        let client = runtime.block_on(async_nats::connect(url))?;
        let _entered = runtime.enter();
        let context = jetstream::new(client);
        Ok(Self { context })
    }

    /// Publishes messages, and waits for the acknowledgement of each. Returns how many in a second.
    pub(crate) fn publish(&self, runtime: &Runtime, events: u64) -> Result<f64> {
        let subject = format!("{PREFIX}.a.b");
        let publish = async |_| {
            let payload = vec![7_u8; BYTES].into();
            let sent = self.context.publish(subject.clone(), payload).await?;
            sent.await?;
            Ok::<_, Failed>(())
        };
        let start = Instant::now();
        let all = stream::iter(0..events).map(publish);
        let all = all.buffer_unordered(WINDOW);
        runtime.block_on(all.try_for_each(async |()| Ok(())))?;
        Ok(rate(events, start.elapsed()))
    }

    /// Takes messages, and waits until the server has confirmed the acknowledgement of each. Returns how many in a second.
    pub(crate) fn consume(&self, runtime: &Runtime, events: u64) -> Result<f64> {
        let start = Instant::now();
        let consumed = async {
            let stream = self.context.get_stream(STREAM).await?;
            let config = pull::Config {
                durable_name: Some("client".into()),
                ack_policy: AckPolicy::Explicit,
                max_ack_pending: WINDOW as i64,
                filter_subject: format!("{PREFIX}.a.*"),
                ..pull::Config::default()
            };
            let consumer = stream.create_consumer(config).await?;
            let messages = consumer
                .stream()
                .max_messages_per_batch(WINDOW)
                .messages()
                .await?;
            let messages = messages.take(usize::try_from(events)?);
            let messages = messages.map_err(Failed::from);
            let acknowledge = async |message: jetstream::Message| {
                let acknowledged = message.double_ack().await;
                acknowledged.map_err(|error| Failed::from(error.to_string()))
            };
            messages
                .try_for_each_concurrent(WINDOW, acknowledge)
                .await?;
            Ok::<_, Failed>(())
        };
        runtime.block_on(consumed)?;
        Ok(rate(events, start.elapsed()))
    }
}
