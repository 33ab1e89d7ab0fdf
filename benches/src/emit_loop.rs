//! Benchmarks that emit, and make sure that all listeners were called.

use crate::listener::calls;
use crate::measure::{Bench, measure, measure_threads};
use crate::sample::Sample;

/// Emits, and makes sure that every listener was called.
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
            "not all were called"
        );
        sample
    }
}

/// Emits from several threads on the same topic, which has one listener.
pub(crate) fn emit_from_threads(threads: u64, emit: impl Fn(u64) + Sync) -> impl Bench {
    move |ops: u64| {
        measure_threads(threads, ops, |ops| {
            (0..ops).for_each(&emit);
            assert_eq!(calls(), ops, "not all were called");
        })
    }
}
