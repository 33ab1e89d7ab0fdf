//! The three kinds of work, and how they come.

use std::time::{Duration, Instant};

use fastrand::Rng;
use soiree::TypedPattern;

use crate::options::Options;
use crate::webhooks::Delivery;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Requests,
    Webhooks,
    Uploads,
}

/// What every event carries.
pub(crate) struct Work {
    pub(crate) emitted: Instant,
    pub(crate) delivery: Option<Delivery>,
}

/// So many events of a kind at once.
pub(crate) struct Burst {
    pub(crate) at: Duration,
    pub(crate) kind: Kind,
    pub(crate) size: usize,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Requests, Self::Webhooks, Self::Uploads];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Webhooks => "webhooks",
            Self::Uploads => "uploads",
        }
    }

    pub(crate) fn topic(self) -> &'static str {
        match self {
            Self::Requests => "request.received",
            Self::Webhooks => "webhook.received",
            Self::Uploads => "upload.received",
        }
    }

    pub(crate) fn pattern(self) -> TypedPattern<Work> {
        match self {
            Self::Requests => TypedPattern::new("request.**"),
            Self::Webhooks => TypedPattern::new("webhook.**"),
            Self::Uploads => TypedPattern::new("upload.**"),
        }
    }

    /// How long one takes, asleep: as if it waited for a database or a disk.
    pub(crate) fn takes(self) -> Duration {
        Duration::from_millis(match self {
            Self::Requests => 1,
            Self::Webhooks => 20,
            Self::Uploads => 500,
        })
    }

    /// How many of all workers are this kind's.
    pub(crate) fn workers(self, all: usize) -> usize {
        match self {
            Self::Requests => all - Self::Webhooks.workers(all) - Self::Uploads.workers(all),
            Self::Webhooks => all / 6,
            Self::Uploads => all / 3,
        }
    }

    /// How many of this kind may wait.
    pub(crate) fn capacity(self, all: usize) -> usize {
        match self {
            Self::Requests | Self::Webhooks => all * 10,
            Self::Uploads => all * 3 / 2,
        }
    }

    fn mean_gap(self) -> Duration {
        Duration::from_millis(match self {
            Self::Requests => 10,
            Self::Webhooks => 250,
            Self::Uploads => 2_000,
        })
    }

    fn size(self, all_workers: usize, rng: &mut Rng) -> usize {
        match self {
            Self::Requests | Self::Webhooks => rng.usize(1..=all_workers),
            // Where all share one pool, one burst takes all of it.
            Self::Uploads => rng.usize(all_workers..=all_workers * 3 / 2),
        }
    }
}

/// The bursts of these kinds, in the order of time. The same seed makes the same ones, and a kind's do not depend on who
/// else is there.
pub(crate) fn stream(kinds: &[Kind], options: &Options) -> Vec<Burst> {
    let mut bursts = Vec::new();
    for &kind in kinds {
        let mut rng = Rng::with_seed(options.seed.wrapping_add(kind as u64));
        let mut at = kind.mean_gap().mul_f64(rng.f64() / 4.0);
        while at < options.length {
            let size = kind.size(options.workers, &mut rng);
            bursts.push(Burst { at, kind, size });
            at += kind.mean_gap().mul_f64(0.5 + rng.f64());
        }
    }
    bursts.sort_by_key(|burst| burst.at);
    bursts
}
