//! The table of cases, and how to run one.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use soiree_core::PanicPayload;

use super::cases;
use super::content::{Factory, StoreContent};
use super::promises;
use crate::conformance::CaseFailure;

/// One test case of the suite for stores: one clause of what a [`Store`](soiree_core::store::Store) promises.
///
/// [`StoreConformance::cases`] returns all of them; [`StoreConformance::run`] runs one.
#[derive(Clone, Copy)]
pub struct StoreCase {
    name: &'static str,
    needs: &'static [&'static str],
    run: fn(&StoreContent),
}

impl StoreCase {
    /// The name of the case: a sentence that is true of a store that passes, with `_` for spaces.
    ///
    /// The test that [`store_conformance!`](crate::store_conformance) makes of the case has the same name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The number of the promise that the case tests, such as `D3`. `None` if it tests what the docs of one method say.
    pub fn promise(&self) -> Option<String> {
        let (number, _) = self.name.split_once('_')?;
        let digits = number.strip_prefix('d')?;
        digits.parse::<u8>().ok().map(|number| format!("D{number}"))
    }

    /// What the promise means that the case tests, and which methods of the store keep it.
    pub fn explanation(&self) -> &'static str {
        let promise = self.promise();
        promise
            .and_then(|promise| promises::explain(&promise))
            .unwrap_or(promises::METHOD)
    }

    /// The capabilities that a store needs for the case. A store without one of them ignores the case.
    pub fn needs(&self) -> &'static [&'static str] {
        self.needs
    }

    /// The name in words, with the promise in front.
    fn sentence(&self) -> String {
        match (self.promise(), self.name.split_once('_')) {
            (Some(promise), Some((_, rest))) => format!("{promise}, {}", rest.replace('_', " ")),
            _ => self.name.replace('_', " "),
        }
    }
}

impl fmt::Debug for StoreCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreCase")
            .field("name", &self.name)
            .field("needs", &self.needs)
            .finish()
    }
}

macro_rules! __store_table {
    ({} $($module:ident {
        $($name:ident [$($need:ident)*];)*
    })*) => {
        &[$($(StoreCase {
            name: stringify!($name),
            needs: &[$(stringify!($need)),*],
            run: cases::$module::$name,
        },)*)*]
    };
}

/// Runs the conformance suite on one kind of store.
///
/// Most users need [`store_conformance!`](crate::store_conformance) alone, which makes a `#[test]` of each case. Use
/// `StoreConformance` to run cases in another way, for example in a test harness of your own:
///
/// ```
/// use soiree_testkit::{MemoryStore, StoreConformance, StoreContent};
///
/// let suite = StoreConformance::new(|| {
///     let store = MemoryStore::new();
///     StoreContent::new(move || store.another_process())
/// });
/// let case = StoreConformance::cases().iter().find(|case| case.promise().as_deref() == Some("D6"));
/// suite.run(case.unwrap())?;
/// # Ok::<(), soiree_testkit::CaseFailure>(())
/// ```
///
/// It does not know which capabilities the store lacks: leave out cases by [`StoreCase::needs`].
#[derive(Clone)]
pub struct StoreConformance {
    factory: Factory,
    timeout: Duration,
}

impl StoreConformance {
    /// Creates a suite for the contents that `content` makes. Every case makes one of its own.
    pub fn new(content: impl Fn() -> StoreContent + Send + Sync + 'static) -> Self {
        Self {
            factory: Arc::new(content),
            timeout: Duration::from_secs(300),
        }
    }

    /// Sets how long a case may take before it fails. Five minutes by default, as disks may be slow.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// All cases, in the order of their subjects.
    pub fn cases() -> &'static [StoreCase] {
        const CASES: &[StoreCase] = crate::__store_cases!([__store_table] {});
        CASES
    }

    /// Runs one case on a new content and on a new thread. Blocks until the case ends or the time is up.
    ///
    /// A case that hangs leaks its thread and its content: a thread cannot be killed.
    ///
    /// # Errors
    /// If the store fails the case, or the case takes too long.
    pub fn run(&self, case: &StoreCase) -> Result<(), CaseFailure> {
        let (sender, result) = channel();
        let (factory, run) = (Arc::clone(&self.factory), case.run);
        let thread = thread::Builder::new().name("store_conformance".into());
        let spawned = thread.spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| run(&StoreContent::new_by(&factory))));
            let _ = sender.send(outcome.map_err(message));
        });
        let outcome = match (spawned, self.timeout) {
            (Err(error), _) => Err(format!(
                "the thread of the case could not be started: {error}"
            )),
            (Ok(_), timeout) => match result.recv_timeout(timeout) {
                Ok(outcome) => outcome,
                Err(RecvTimeoutError::Timeout) => Err(format!("it has not ended in {timeout:?}")),
                Err(RecvTimeoutError::Disconnected) => {
                    Err("the thread of the case ended without a result".into())
                }
            },
        };
        outcome.map_err(|message| CaseFailure::new(case.sentence(), message, case.explanation()))
    }

    /// Runs the case of that name, like [`run`](StoreConformance::run).
    ///
    /// # Panics
    /// If the store fails the case, or if no case has that name.
    #[track_caller]
    pub fn assert(&self, name: &str) {
        let Some(case) = Self::cases().iter().find(|case| case.name == name) else {
            panic!("no case is called {name}");
        };
        if let Err(failure) = self.run(case) {
            panic!("{failure}");
        }
    }
}

fn message(payload: Box<dyn Any + Send>) -> String {
    PanicPayload::new(payload).message().to_owned()
}

impl fmt::Debug for StoreConformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreConformance")
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
