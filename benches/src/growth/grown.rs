//! A program that has grown to a size, and what is measured in it.

use std::time::{Duration, Instant};

/// How a cost may grow with a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// It does not.
    Constant,
    /// With its logarithm.
    Logarithmic,
    /// As fast as the size.
    Linear,
}

/// One way in which a program can grow.
pub struct Growth {
    /// What there are more and more of.
    pub name: &'static str,
    /// What is there, and what the operations do.
    pub about: &'static str,
    /// From few to many.
    pub sizes: &'static [u64],
    /// The operations that are measured, `close` and `memory` among them, and how each may grow.
    pub laws: &'static [(&'static str, Law)],
    /// Makes a program of this size.
    pub prepare: fn(u64) -> Grown,
}

/// A program that has grown.
pub struct Grown {
    /// What is measured in it.
    pub operations: Vec<Operation>,
    /// Closes its event pool, and returns how long that took.
    pub close: Box<dyn FnOnce() -> Duration>,
}

/// Something that the program does again and again.
pub struct Operation {
    /// Its name.
    pub name: &'static str,
    /// Does it that many times, and returns how long that took.
    pub run: Box<dyn FnMut(u64) -> Duration>,
}

impl Operation {
    pub(super) fn new(name: &'static str, run: impl FnMut(u64) -> Duration + 'static) -> Self {
        let run = Box::new(run);
        Self { name, run }
    }

    /// Does this for each number from 0.
    pub(super) fn each(name: &'static str, mut act: impl FnMut(u64) + 'static) -> Self {
        Self::new(name, move |ops| time(|| (0..ops).for_each(&mut act)))
    }
}

/// How long this takes.
pub(super) fn time(act: impl FnOnce()) -> Duration {
    let started = Instant::now();
    act();
    started.elapsed()
}
