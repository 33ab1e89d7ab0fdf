//! The three kinds of work, and when they arrive.

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

/// The payload of every event.
pub(crate) struct Work {
    pub(crate) emitted: Instant,
    pub(crate) delivery: Option<Delivery>,
}

/// Events of one kind that arrive at once.
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

    /// How long one takes. The worker sleeps meanwhile, as if it waited for a database or a disk.
    pub(crate) fn takes(self) -> Duration {
        Duration::from_millis(match self {
            Self::Requests => 1,
            Self::Webhooks => 20,
            Self::Uploads => 500,
        })
    }

    /// How many workers this kind gets.
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
            // One burst fills a shared pool.
            Self::Uploads => rng.usize(all_workers..=all_workers * 3 / 2),
        }
    }
}

/// Returns the bursts of these kinds in order of time. The same seed makes the same bursts, and the bursts of one kind do not
/// depend on the other kinds.
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
