//! Events that are not durable, emitted through an outbox.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use soiree::{EventPool, Report, Soiree};

use crate::emitting::builder;
use crate::result::Result;

/// Short and many, so that both are disturbed alike.
const EMITS: u32 = 20_000;
const TURNS: usize = 40;

/// How long an `emit_sync` takes, in nanoseconds.
pub(crate) struct Times {
    pub(crate) outbox: f64,
    pub(crate) event_pool: f64,
    /// As a `&dyn Soiree`.
    pub(crate) any_outbox: f64,
    pub(crate) any_pool: f64,
}

pub(crate) fn emit_sync(path: &Path) -> Result<Times> {
    let outbox = builder(path).build(listened()?)?;
    outbox.start()?;
    let soiree = listened()?;
    let (any_outbox, any_pool) = (&outbox as &dyn Soiree, &soiree as &dyn Soiree);
    let mut times = Times {
        outbox: f64::MAX,
        event_pool: f64::MAX,
        any_outbox: f64::MAX,
        any_pool: f64::MAX,
    };
    let shorten = |shortest: &mut f64, nanos: f64| *shortest = shortest.min(nanos);
    for _ in 0..TURNS {
        shorten(
            &mut times.outbox,
            time(|number| outbox.emit_sync("plain.a", number)),
        );
        shorten(
            &mut times.event_pool,
            time(|number| soiree.emit_sync("plain.a", number)),
        );
        shorten(
            &mut times.any_outbox,
            time(|number| any_outbox.emit_sync("plain.a", number)),
        );
        shorten(
            &mut times.any_pool,
            time(|number| any_pool.emit_sync("plain.a", number)),
        );
    }
    outbox.close()?;
    Ok(times)
}

fn listened() -> Result<EventPool> {
    let soiree = EventPool::new();
    soiree.on("plain.a", |event| {
        black_box(event.topic());
    })?;
    Ok(soiree)
}

fn time<E>(emit: impl Fn(u32) -> std::result::Result<Report, E>) -> f64 {
    let start = Instant::now();
    for number in 0..EMITS {
        assert!(emit(black_box(number)).is_ok());
    }
    start.elapsed().as_nanos() as f64 / f64::from(EMITS)
}
