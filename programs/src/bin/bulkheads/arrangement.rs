//! The arrangements of workers that are compared, and the result of each.

use std::error::Error;
use std::sync::Arc;

use soiree::{Builder, EventPool, Overflow, Stats, SubscribeError, WorkerPool};

use crate::kinds::Kind;
use crate::meter::{Meter, Reading};
use crate::options::Options;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrangement {
    /// Only requests, on all workers.
    Alone,
    /// All kinds on one pool.
    Shared,
    /// A pool for each kind.
    Bulkheads,
}

/// One arrangement, and what it did with the stream.
pub(crate) struct Trial {
    pub(crate) arrangement: Arrangement,
    meters: Vec<(Kind, Arc<Meter>)>,
    stats: Option<Stats>,
}

impl Arrangement {
    pub(crate) const ALL: [Self; 3] = [Self::Alone, Self::Shared, Self::Bulkheads];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Shared => "shared",
            Self::Bulkheads => "bulkheads",
        }
    }

    pub(crate) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Alone => &[Kind::Requests],
            Self::Shared | Self::Bulkheads => &Kind::ALL,
        }
    }

    /// Makes an `EventPool`. All arrangements have the same number of workers and the same capacity of queues.
    pub(crate) fn event_pool(self, options: &Options) -> Result<EventPool, Box<dyn Error>> {
        let all = options.workers;
        if self != Self::Bulkheads {
            let capacity = Kind::ALL.iter().map(|kind| kind.capacity(all)).sum();
            return Ok(EventPool::with_pool(pool("shared", all, capacity)?));
        }
        let own = |kind: Kind| pool(kind.name(), kind.workers(all), kind.capacity(all));
        // Requests have no route, so the default pool runs them.
        let mut builder = Builder::with_pool(own(Kind::Requests)?);
        for kind in [Kind::Webhooks, Kind::Uploads] {
            builder = builder
                .bulkhead(kind.name(), own(kind)?)
                .route(kind.pattern().as_str(), kind.name());
        }
        Ok(builder.build()?)
    }

    /// Returns the name to show for a pool.
    pub(crate) fn label(self, pool: &str) -> &str {
        match (self, pool) {
            (Self::Bulkheads, "default") => Kind::Requests.name(),
            (_, "default") => "all",
            (_, pool) => pool,
        }
    }
}

pub(crate) fn legend(options: &Options) -> String {
    let (seed, all) = (options.seed, options.workers);
    let [requests, webhooks, uploads] = Kind::ALL.map(|kind| kind.workers(all));
    format!(
        "\
shows: the same bursts of work, on one shared pool and on a pool for each kind
why: on the shared pool, uploads make requests wait; on bulkheads they cannot

{all} workers each time, seed {seed}
  alone      requests only
  shared     all kinds of work on one pool
  bulkheads  requests {requests}, webhooks {webhooks}, uploads {uploads}

"
    )
}

/// Makes a pool that rejects events when it is full, so that the stream goes on.
fn pool(name: &str, workers: usize, capacity: usize) -> Result<WorkerPool, Box<dyn Error>> {
    let builder = WorkerPool::builder().name(name).max_workers(workers);
    let builder = builder.capacity(capacity).overflow(Overflow::Reject);
    Ok(builder.build()?)
}

impl Trial {
    /// Subscribes a listener for each kind of work.
    pub(crate) fn subscribe(
        arrangement: Arrangement,
        options: &Options,
        soiree: &EventPool,
    ) -> Result<Self, SubscribeError> {
        let kinds = arrangement.kinds().iter();
        let meters: Vec<_> = kinds.map(|&kind| (kind, Arc::new(Meter::new()))).collect();
        for (kind, meter) in &meters {
            let takes = kind.takes() / options.speed;
            let meter = Arc::clone(meter);
            kind.pattern()
                .on(soiree, move |work| meter.handle(work, takes))?;
        }
        Ok(Self {
            arrangement,
            meters,
            stats: None,
        })
    }

    pub(crate) fn meter(&self, kind: Kind) -> &Meter {
        let mut meters = self.meters.iter();
        let (_, meter) = meters
            .find(|(other, _)| *other == kind)
            .expect("the stream holds the arrangement's kinds only");
        meter
    }

    /// Adds the final statistics of the pools.
    pub(crate) fn ended(mut self, soiree: &EventPool) -> Self {
        self.stats = Some(soiree.stats());
        self
    }

    /// Returns what was measured, or `None` if the arrangement does not have this kind.
    pub(crate) fn reading(&self, kind: Kind) -> Option<Reading> {
        let mut meters = self.meters.iter();
        let (_, meter) = meters.find(|(other, _)| *other == kind)?;
        Some(meter.read())
    }

    /// Returns every discrepancy: an event that was neither handled nor rejected, or a count that the pools do not share.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let (mut all_handled, mut all_rejected) = (0, 0);
        for (kind, meter) in &self.meters {
            let reading = meter.read();
            all_handled += reading.handled;
            all_rejected += reading.rejected;
            if reading.offered != reading.handled + reading.rejected {
                faults.push(format!(
                    "{} of {}: {} were offered, {} handled and {} rejected",
                    kind.name(),
                    self.arrangement.name(),
                    reading.offered,
                    reading.handled,
                    reading.rejected
                ));
            }
        }
        let pools = self.stats.iter().flat_map(|stats| &stats.pools);
        let (successful, rejected) = pools.fold((0, 0), |(successful, rejected), (_, stats)| {
            (successful + stats.successful, rejected + stats.rejected)
        });
        if (successful, rejected) != (all_handled, all_rejected) {
            faults.push(format!(
                "the pools of {} count {successful} handled and {rejected} rejected, not {all_handled} and {all_rejected}",
                self.arrangement.name()
            ));
        }
        faults
    }
}
