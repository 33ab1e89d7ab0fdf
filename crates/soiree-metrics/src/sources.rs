//! Figures that are read at each scrape, by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Reads the figures; `None` once what they are about is gone.
type Source<F> = Arc<dyn Fn() -> Option<F> + Send + Sync>;

pub(crate) struct Sources<F>(Mutex<BTreeMap<Box<str>, Source<F>>>);

impl<F> Default for Sources<F> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<F> Sources<F> {
    /// Adds a source. Returns whether its name was free: the source that has it is asked whether it still exists.
    pub(crate) fn add(
        &self,
        name: &str,
        source: impl Fn() -> Option<F> + Send + Sync + 'static,
    ) -> bool {
        // Forgets those that are gone.
        self.read();
        let source: Source<F> = Arc::new(source);
        let mut sources = self.lock();
        if sources.contains_key(name) {
            // Not under the lock: dropping the source is user code.
            drop(sources);
            return false;
        }
        sources.insert(name.into(), source);
        true
    }

    /// The figures of those that still exist, in the order of their names.
    pub(crate) fn read(&self) -> Vec<(Box<str>, F)> {
        let sources = self.lock().clone();
        let mut all = Vec::with_capacity(sources.len());
        for (name, source) in sources {
            if let Some(figures) = source() {
                all.push((name, figures));
                continue;
            }
            let mut sources = self.lock();
            let is_same = |now: &Source<F>| Arc::ptr_eq(now, &source);
            let gone = if sources.get(&name).is_some_and(is_same) {
                sources.remove(&name)
            } else {
                None
            };
            // Not under the lock: its `Drop` is user code.
            drop(sources);
            drop(gone);
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Source<F>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
