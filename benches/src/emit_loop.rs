//! Loops over `emit`, and checks that all listeners were called.

use crate::listener::calls;
use crate::measure::{Bench, measure, measure_threads};
use crate::sample::Sample;

/// Calls `emit` once per operation, and checks that it called every listener.
pub(crate) struct EmitLoop<F> {
    emit: F,
    listeners: u64,
}

impl<F> EmitLoop<F> {
    pub(crate) fn new(listeners: u64, emit: F) -> Self {
        Self { emit, listeners }
    }
}

impl<F: FnMut(u64)> Bench for EmitLoop<F> {
    fn run(&mut self, ops: u64) -> Sample {
        let before = calls();
        let sample = measure(ops, || (0..ops).for_each(&mut self.emit));
        assert_eq!(
            calls() - before,
            ops * self.listeners,
            "wrong number of listener calls"
        );
        sample
    }
}

/// Calls `emit` from several threads at once. The topic has one listener.
pub(crate) fn emit_from_threads(threads: u64, emit: impl Fn(u64) + Sync) -> impl Bench {
    move |ops: u64| {
        measure_threads(threads, ops, |ops| {
            (0..ops).for_each(&emit);
            assert_eq!(calls(), ops, "wrong number of listener calls");
        })
    }
}
