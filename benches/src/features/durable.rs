//! Durable events, and events that pass through an outbox.

use std::hint::black_box;

use soiree::codec::Raw;
use soiree::{EventPool, Outbox};
use soiree_testkit::MemoryStore;

use crate::case::Case;
use crate::emit_loop::EmitLoop;
use crate::listener::{TOPIC, count_call};
use crate::measure::measure;
use crate::sample::Sample;

/// The topics that are durable.
const DURABLE: &str = "order.*";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("feature-sync", "an outbox, for other topics", passing),
        Case::new("feature-emit", "durable, in memory", stored).threaded(),
    ]
}

fn outbox(soiree: EventPool) -> Outbox {
    let builder = Outbox::builder(MemoryStore::new()).codec(DURABLE, Raw);
    let outbox = builder.build(soiree).expect("the store opens");
    outbox.start().expect("the outbox was not started");
    outbox
}

/// `emit_sync` through an outbox, on a topic that is not durable.
fn passing() -> EmitLoop<impl FnMut(u64)> {
    let soiree = EventPool::new();
    soiree
        .on(TOPIC, |_| count_call())
        .expect("the topic is valid");
    let outbox = outbox(soiree);
    EmitLoop::new(1, move |payload| {
        let report = outbox.emit_sync(black_box(TOPIC), payload);
        let is_ok = report.is_ok_and(|report| report.is_ok());
        assert!(is_ok, "a listener failed");
    })
}

/// Each emit returns when its event is stored. The store is in memory: no disk is waited for. Nobody listens.
fn stored() -> impl FnMut(u64) -> Sample {
    let outbox = outbox(EventPool::new());
    move |ops| {
        measure(ops, || {
            for payload in 0..ops {
                let bytes = payload.to_le_bytes().to_vec();
                let stored = outbox.emit(black_box("order.paid"), bytes);
                let stored = stored.expect("the store takes it");
                assert!(stored.position().is_some(), "it is durable");
            }
        })
    }
}
