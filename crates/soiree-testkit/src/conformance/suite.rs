//! The table of cases, and running one.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use soiree_core::Pool;

use super::cases;
use super::fixture::{Factory, Fixture};
use super::spec::PoolSpec;
use super::watchdog::{self, Watchdog};

/// One clause of what a pool promises, as a test.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    needs: &'static [&'static str],
    run: fn(&Fixture),
}

impl Case {
    /// Its name: a sentence that is true of a pool that passes, with `_` for spaces.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The number of the promise that it is a clause of, such as `P3`; `None` for what a method or the trait says by itself.
    pub fn promise(&self) -> Option<String> {
        let (number, _) = self.name.split_once('_')?;
        let digits = number.strip_prefix('p')?;
        digits.parse::<u8>().ok().map(|number| format!("P{number}"))
    }

    /// The capabilities without which it cannot be run.
    pub fn needs(&self) -> &'static [&'static str] {
        self.needs
    }

    /// What it claims, in words.
    fn sentence(&self) -> String {
        match (self.promise(), self.name.split_once('_')) {
            (Some(promise), Some((_, rest))) => format!("{promise}, {}", rest.replace('_', " ")),
            _ => self.name.replace('_', " "),
        }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("needs", &self.needs)
            .finish()
    }
}

/// A pool does not keep what a case claims.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{sentence}\" does not hold: {message}")]
pub struct CaseFailure {
    sentence: String,
    message: String,
}

macro_rules! __case_table {
    ({} $($module:ident {
        $($(#[$attribute:meta])* $name:ident [$($need:ident)*];)*
    })*) => {
        &[$($(Case {
            name: stringify!($name),
            needs: &[$(stringify!($need)),*],
            run: cases::$module::$name,
        },)*)*]
    };
}

/// The suite for one kind of pool. [`pool_conformance!`](crate::pool_conformance) is made of it.
///
/// Use it directly to run the cases in another way than as tests of their own:
///
/// ```
/// use soiree_pool::WorkerPool;
/// use soiree_testkit::Conformance;
///
/// let suite = Conformance::new(|spec| WorkerPool::new(spec.max_workers, spec.capacity).unwrap());
/// let case = Conformance::cases().iter().find(|case| case.promise().as_deref() == Some("P6"));
/// suite.run(case.unwrap())?;
/// # Ok::<(), soiree_testkit::CaseFailure>(())
/// ```
#[derive(Clone)]
pub struct Conformance {
    factory: Arc<Factory>,
    stall_timeout: Duration,
}

impl Conformance {
    /// For the pools that `factory` makes.
    pub fn new<P, F>(factory: F) -> Self
    where
        P: Pool + 'static,
        F: Fn(PoolSpec) -> P + Send + Sync + 'static,
    {
        Self {
            factory: Arc::new(move |spec| Arc::new(factory(spec))),
            stall_timeout: Duration::from_secs(60),
        }
    }

    /// How long a case may go without progress before it has failed. A minute unless set.
    #[must_use]
    pub fn stall_timeout(mut self, stall_timeout: Duration) -> Self {
        self.stall_timeout = stall_timeout;
        self
    }

    /// All cases, in the order of the promises.
    pub fn cases() -> &'static [Case] {
        const CASES: &[Case] = crate::__pool_cases!([__case_table] {});
        CASES
    }

    /// Runs one case with pools of its own, on a thread of its own; blocks until it has ended or hangs.
    ///
    /// # Errors
    /// If the pool does not keep what the case claims.
    pub fn run(&self, case: &Case) -> Result<(), CaseFailure> {
        let watchdog = Arc::new(Watchdog::default());
        let fixture = Fixture {
            factory: Arc::clone(&self.factory),
            watchdog: Arc::clone(&watchdog),
            timeout: self.stall_timeout,
        };
        let run = case.run;
        watchdog::run(&watchdog, self.stall_timeout, move || run(&fixture)).map_err(|message| {
            CaseFailure {
                sentence: case.sentence(),
                message,
            }
        })
    }

    /// Runs the case of that name.
    ///
    /// # Panics
    /// If the pool does not keep what the case claims, or there is no such case.
    #[track_caller]
    pub fn assert(&self, name: &str) {
        let Some(case) = Self::cases().iter().find(|case| case.name == name) else {
            panic!("there is no case {name}");
        };
        if let Err(failure) = self.run(case) {
            panic!("{failure}");
        }
    }
}

impl fmt::Debug for Conformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance")
            .field("stall_timeout", &self.stall_timeout)
            .finish_non_exhaustive()
    }
}
