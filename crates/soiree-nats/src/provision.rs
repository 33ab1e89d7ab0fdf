//! Streams and consumers: made, checked, or used as they are.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{
    ConsumerInfoErrorKind, GetStreamError, GetStreamErrorKind, RequestError, RequestErrorKind,
};
use async_nats::jetstream::stream::{Compression, Config, DiscardPolicy, RetentionPolicy, Stream};
use async_nats::jetstream::{Context, ErrorCode};

use crate::error::{Difference, NatsError};
use crate::options::{Consume, Provision, StartAt};
use crate::subject::{Filter, takes};

/// For how long a stream keeps messages by default, and how long it remembers IDs.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3_600);
const DUPLICATE_WINDOW: Duration = Duration::from_secs(600);

/// The stream that the bridge makes.
pub(crate) fn stream_config(name: &str, subjects: Vec<String>) -> Config {
    Config {
        name: name.into(),
        subjects,
        // A full stream rejects what is new: the outbox keeps it. The default drops the oldest, whether or not it was handled.
        discard: DiscardPolicy::New,
        max_age: MAX_AGE,
        duplicate_window: DUPLICATE_WINDOW,
        num_replicas: 1,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        max_message_size: -1,
        ..Config::default()
    }
}

/// What the stream is marked with, so that all bridges agree.
const PARTITIONS: &str = "soiree.partitions";

/// Marks a stream with how many partitions it has.
pub(crate) fn note_partitions(stream: &mut Config, partitions: Option<u32>) {
    stream.metadata.remove(PARTITIONS);
    if let Some(partitions) = partitions {
        let partitions = partitions.to_string();
        stream.metadata.insert(PARTITIONS.into(), partitions);
    }
}

/// The stream, as it is on the server.
pub(crate) async fn stream(
    context: &Context,
    wanted: &Config,
    provision: Provision,
) -> Result<Stream, NatsError> {
    let name = &wanted.name;
    let mut found = context.get_stream(name).await;
    let is_missing = |kind: &GetStreamErrorKind| {
        let code = match kind {
            GetStreamErrorKind::JetStream(error) => error.error_code(),
            _ => return false,
        };
        code == ErrorCode::STREAM_NOT_FOUND
    };
    if matches!(&found, Err(error) if is_missing(&error.kind())) {
        if provision != Provision::Create {
            return Err(NatsError::NoStream {
                stream: name.as_str().into(),
            });
        }
        let created = context.create_stream(wanted.clone()).await;
        // Another process may have made it at the same moment, and what it has made is looked at.
        if let Err(error) = created {
            found = context.get_stream(name).await;
            if found.is_err() {
                return Err(NatsError::request(
                    format!("create the stream {name}"),
                    error,
                ));
            }
        } else {
            found = context.get_stream(name).await;
        }
    }
    let found = found.map_err(|error| {
        let action = format!("read the stream {name}");
        match is_no_jetstream(&error) {
            true => NatsError::request(
                action,
                "the server answers no request; is JetStream enabled there?",
            ),
            false => NatsError::request(action, error),
        }
    })?;
    let differences = stream_differences(wanted, &found.cached_info().config, provision);
    differ("stream", name, differences)?;
    Ok(found)
}

/// Whether nobody answers requests for streams.
fn is_no_jetstream(error: &GetStreamError) -> bool {
    let source = std::error::Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<RequestError>());
    source.is_some_and(|source| source.kind() == RequestErrorKind::NoResponders)
}

fn differ(what: &'static str, name: &str, differences: Vec<Difference>) -> Result<(), NatsError> {
    match differences.is_empty() {
        true => Ok(()),
        false => Err(NatsError::Differs {
            what,
            name: name.into(),
            differences,
        }),
    }
}

/// Collects what differs.
#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn compare<T: PartialEq + std::fmt::Debug>(
        &mut self,
        setting: &'static str,
        expected: &T,
        found: &T,
    ) {
        if expected != found {
            self.0.push(Difference {
                setting,
                expected: format!("{expected:?}"),
                found: format!("{found:?}"),
            });
        }
    }
}

fn stream_differences(wanted: &Config, found: &Config, provision: Provision) -> Vec<Difference> {
    let mut differences = Differences::default();
    // Without acknowledgements nothing published is ever done.
    differences.compare("no_ack", &false, &found.no_ack);
    let partitions = |config: &Config| config.metadata.get(PARTITIONS).cloned();
    let (expected, marked) = (partitions(wanted), partitions(found));
    // A stream that is used as it is may have been made by another program.
    if marked != expected && (marked.is_some() || provision != Provision::Use) {
        let shown = |partitions: Option<String>| partitions.unwrap_or_else(|| "none".into());
        differences.0.push(Difference {
            setting: "partitions",
            expected: shown(expected),
            found: shown(marked),
        });
        // The subjects follow from it.
        return differences.0;
    }
    if provision == Provision::Use {
        return differences.0;
    }
    for subject in &wanted.subjects {
        if !found.subjects.iter().any(|own| takes(own, subject)) {
            differences.0.push(Difference {
                setting: "subjects",
                expected: subject.clone(),
                found: found.subjects.join(", "),
            });
        }
    }
    // The server writes -1 for what has no limit, and clients 0.
    let limit = |value: i64| if value <= 0 { -1 } else { value };
    differences.compare("storage", &wanted.storage, &found.storage);
    differences.compare("retention", &wanted.retention, &found.retention);
    differences.compare("discard", &wanted.discard, &found.discard);
    differences.compare(
        "num_replicas",
        &wanted.num_replicas.max(1),
        &found.num_replicas,
    );
    differences.compare("max_age", &wanted.max_age, &found.max_age);
    differences.compare(
        "max_bytes",
        &limit(wanted.max_bytes),
        &limit(found.max_bytes),
    );
    differences.compare(
        "max_msgs",
        &limit(wanted.max_messages),
        &limit(found.max_messages),
    );
    let size = |config: &Config| limit(config.max_message_size.into());
    differences.compare("max_msg_size", &size(wanted), &size(found));
    differences.compare(
        "duplicate_window",
        &wanted.duplicate_window,
        &found.duplicate_window,
    );
    let of_subject = |config: &Config| limit(config.max_messages_per_subject);
    differences.compare(
        "max_msgs_per_subject",
        &of_subject(wanted),
        &of_subject(found),
    );
    let consumers = |config: &Config| limit(config.max_consumers.into());
    differences.compare("max_consumers", &consumers(wanted), &consumers(found));
    let is_compressed = |config: &Config| config.compression == Some(Compression::S2);
    let flags = |config: &Config| {
        [
            ("discard_new_per_subject", config.discard_new_per_subject),
            ("sealed", config.sealed),
            ("allow_rollup_hdrs", config.allow_rollup),
            ("deny_delete", config.deny_delete),
            ("deny_purge", config.deny_purge),
            ("compression", is_compressed(config)),
        ]
    };
    for ((setting, expected), (_, found)) in flags(wanted).iter().zip(&flags(found)) {
        differences.compare(setting, expected, found);
    }
    differences.compare(
        "subject_transform",
        &wanted.subject_transform,
        &found.subject_transform,
    );
    differences.0
}

/// The consumer that the bridge makes.
fn consumer_config(consume: &Consume, name: &str, filter: &Filter) -> pull::Config {
    pull::Config {
        durable_name: Some(name.into()),
        deliver_policy: match consume.start_at {
            StartAt::Oldest => DeliverPolicy::All,
            StartAt::Now => DeliverPolicy::New,
        },
        ack_policy: AckPolicy::Explicit,
        ack_wait: consume.ack_wait,
        // The bridge ends what fails too often: what the server gives up nobody ever sees again.
        max_deliver: -1,
        filter_subject: filter.subject.clone(),
        max_ack_pending: i64::try_from(consume.in_flight).unwrap_or(i64::MAX),
        ..pull::Config::default()
    }
}

/// The consumer, as it is on the server. One that is made again after it was deleted starts after `floor`, if that is known.
pub(crate) async fn consumer(
    stream: &Stream,
    name: &str,
    consume: &Consume,
    filter: &Filter,
    provision: Provision,
    floor: Option<u64>,
) -> Result<PullConsumer, NatsError> {
    let of_stream = &stream.cached_info().config.name;
    let mut wanted = consumer_config(consume, name, filter);
    let action = |verb: &str| format!("{verb} the consumer {name} of the stream {of_stream}");
    let is_missing = match stream.consumer_info(name).await {
        Ok(_) => false,
        Err(error) => match error.kind() {
            ConsumerInfoErrorKind::NotFound => true,
            ConsumerInfoErrorKind::JetStream(cause)
                if cause.error_code() == ErrorCode::CONSUMER_NOT_FOUND =>
            {
                true
            }
            _ => return Err(NatsError::request(action("read"), error)),
        },
    };
    if is_missing {
        if provision != Provision::Create {
            return Err(NatsError::NoConsumer {
                stream: of_stream.as_str().into(),
                consumer: name.into(),
            });
        }
        if let Some(floor) = floor {
            wanted.deliver_policy = DeliverPolicy::ByStartSequence {
                start_sequence: floor + 1,
            };
        }
        let made = stream.create_consumer(wanted.clone()).await;
        made.map_err(|error| NatsError::request(action("create"), error))?;
    }
    let found = stream.get_consumer::<pull::Config>(name).await;
    let found = found.map_err(|error| NatsError::request(action("read"), error))?;
    let differences = consumer_differences(&wanted, &found, provision);
    differ("consumer", name, differences)?;
    Ok(found)
}

fn consumer_differences(
    wanted: &pull::Config,
    found: &PullConsumer,
    provision: Provision,
) -> Vec<Difference> {
    let found = &found.cached_info().config;
    let mut differences = Differences::default();
    differences.compare("ack_policy", &wanted.ack_policy, &found.ack_policy);
    differences.compare("headers_only", &false, &found.headers_only);
    if provision == Provision::Use {
        return differences.0;
    }
    let mut filters = found.filter_subjects.clone();
    if !found.filter_subject.is_empty() {
        filters.push(found.filter_subject.clone());
    }
    let wanted_filters = vec![wanted.filter_subject.clone()];
    differences.compare("filter_subjects", &wanted_filters, &filters);
    differences.compare("ack_wait", &wanted.ack_wait, &found.ack_wait);
    differences.compare("max_deliver", &wanted.max_deliver, &found.max_deliver);
    differences.compare(
        "max_ack_pending",
        &wanted.max_ack_pending,
        &found.max_ack_pending,
    );
    differences.compare("backoff", &wanted.backoff, &found.backoff);
    // Where it stands is lost by the first after a while without processes, and by the second at a restart of the server.
    differences.compare(
        "inactive_threshold",
        &wanted.inactive_threshold,
        &found.inactive_threshold,
    );
    differences.compare("mem_storage", &wanted.memory_storage, &found.memory_storage);
    differences.compare("replay_policy", &wanted.replay_policy, &found.replay_policy);
    differences.0
}

/// Whether some stream takes this subject, and keeps it although a consumer with this filter passes it over. Of another stream nothing is known.
pub(crate) async fn check_dead_subject(
    context: &Context,
    stream: &Stream,
    subject: &str,
    is_named: bool,
    filter: &Filter,
) -> Result<(), NatsError> {
    let config = &stream.cached_info().config;
    if config.subjects.iter().any(|own| takes(own, subject)) {
        let is_passed_over = takes(&filter.subject, subject);
        let retention = match config.retention {
            RetentionPolicy::WorkQueue if is_passed_over => "workqueue",
            RetentionPolicy::Interest if is_passed_over || !is_named => "interest",
            _ => return Ok(()),
        };
        return Err(NatsError::DeadSubjectNotKept {
            stream: config.name.as_str().into(),
            subject: subject.into(),
            retention,
        });
    }
    match context.stream_by_subject(subject).await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            async_nats::jetstream::context::GetStreamByNameErrorKind::NotFound => {
                Err(NatsError::NoDeadSubject {
                    subject: subject.into(),
                })
            }
            _ => Err(NatsError::request(
                format!("find the stream of {subject}"),
                error,
            )),
        },
    }
}
