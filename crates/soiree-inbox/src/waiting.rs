//! How many threads wait for something.

/// How many threads wait on a condition variable, and how many of them have been notified and not woken yet: so that nobody is notified
/// twice, as each notification is a system call.
#[derive(Default)]
pub(crate) struct Waiting {
    threads: usize,
    notified: usize,
}

impl Waiting {
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// A thread begins to wait.
    pub(crate) fn begin(&mut self) {
        self.threads += 1;
    }

    /// A thread has woken, for whatever reason.
    pub(crate) fn end(&mut self) {
        self.threads -= 1;
        // It may not be the one that was notified. Then that one wakes too, and nobody is left out: this never counts more than will wake.
        self.notified = self.notified.saturating_sub(1);
    }

    /// Whether a thread is to be notified that there is something for one more.
    #[inline]
    pub(crate) fn notify(&mut self) -> bool {
        let sleeps = self.threads > self.notified;
        self.notified += usize::from(sleeps);
        sleeps
    }
}

#[cfg(test)]
mod tests {
    use super::Waiting;

    /// A4: every waiting thread is notified once.
    #[test]
    fn as_many_are_notified_as_wait() {
        let mut waiting = Waiting::default();
        assert!(!waiting.notify());
        (0..2).for_each(|_| waiting.begin());
        assert!(waiting.notify() && waiting.notify() && !waiting.notify());
        waiting.end();
        waiting.begin();
        assert!(waiting.notify() && !waiting.notify());
        (0..2).for_each(|_| waiting.end());
        assert!(!waiting.notify());
    }
}
