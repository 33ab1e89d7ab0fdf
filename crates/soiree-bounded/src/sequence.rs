//! Numbers in the order of arrival.

use std::cmp::Ordering;

/// The number of a job or a permit. Later ones have higher numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seq(u64);

/// Gives out numbers.
#[derive(Default)]
pub(crate) struct Sequence(u64);

impl Sequence {
    #[inline]
    pub(crate) fn next(&mut self) -> Seq {
        self.0 += 1;
        Seq(self.0)
    }
}

impl Ord for Seq {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        #[cfg(test)]
        comparisons::COUNT.set(comparisons::COUNT.get() + 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Seq {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Seq {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Seq {}

/// How often this thread has compared two numbers: every look-up of a job or a permit does.
#[cfg(test)]
pub(crate) mod comparisons {
    use std::cell::Cell;

    std::thread_local! {
        pub(super) static COUNT: Cell<u64> = const { Cell::new(0) };
    }

    pub(crate) fn of(work: impl FnOnce()) -> u64 {
        let before = COUNT.get();
        work();
        COUNT.get() - before
    }
}
