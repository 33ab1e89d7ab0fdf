//! The table of cases, and how to run one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use soiree_core::Pool;

use super::cases;
use super::fixture::{Factory, Fixture};
use super::promises;
use super::spec::PoolSpec;
use super::watchdog::{self, Watchdog};

/// One test case of the suite: one clause of what a pool promises.
///
/// [`Conformance::cases`] returns all of them; [`Conformance::run`] runs one.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    needs: &'static [&'static str],
    run: fn(&Fixture),
}

impl Case {
    /// The name of the case: a sentence that is true of a pool that passes, with `_` for spaces.
    ///
    /// The test that [`pool_conformance!`](crate::pool_conformance) makes of the case has the same name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The number of the promise that the case tests, such as `P3`. `None` if it tests what the docs of the trait or of one
    /// method say.
    pub fn promise(&self) -> Option<String> {
        let (number, _) = self.name.split_once('_')?;
        let digits = number.strip_prefix('p')?;
        digits.parse::<u8>().ok().map(|number| format!("P{number}"))
    }

    /// What the promise means that the case tests, and which methods of the pool keep it.
    pub fn explanation(&self) -> &'static str {
        let promise = self.promise();
        promise
            .and_then(|promise| promises::explain(&promise))
            .unwrap_or(promises::METHOD)
    }

    /// The capabilities that a pool needs for the case. A pool without one of them ignores the case.
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

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("needs", &self.needs)
            .finish()
    }
}

/// A pool or a store failed a case. `Display` shows the sentence that does not hold, and why. Then it says what the promise means,
/// and which methods of [`Pool`] or of [`Store`](soiree_core::store::Store) keep it.
///
/// [`Conformance::run`] and [`StoreConformance::run`](crate::StoreConformance::run) return it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{sentence}\" does not hold: {message}\n\n{explanation}")]
pub struct CaseFailure {
    sentence: String,
    message: String,
    explanation: &'static str,
}

impl CaseFailure {
    pub(crate) fn new(sentence: String, message: String, explanation: &'static str) -> Self {
        Self {
            sentence,
            message,
            explanation,
        }
    }
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

/// Runs the conformance suite on one kind of pool.
///
/// Most users need [`pool_conformance!`](crate::pool_conformance) alone, which makes a `#[test]` of each case. Use
/// `Conformance` to run cases in another way, for example in a test harness of your own:
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
///
/// It does not know which capabilities the pool lacks: leave out cases by [`Case::needs`].
#[derive(Clone)]
pub struct Conformance {
    factory: Arc<Factory>,
    stall_timeout: Duration,
    /// Whether a case has failed because it made no progress. Clones share it.
    has_stalled: Arc<AtomicBool>,
}

/// After one case has made no progress for the whole stall timeout, others get this part of it.
const AFTER_A_STALL: u32 = 10;

impl Conformance {
    /// Creates a suite for the pools that `factory` makes. Every case makes pools of its own.
    pub fn new<P, F>(factory: F) -> Self
    where
        P: Pool + 'static,
        F: Fn(PoolSpec) -> P + Send + Sync + 'static,
    {
        Self {
            factory: Arc::new(move |spec| Arc::new(factory(spec))),
            stall_timeout: Duration::from_secs(30),
            has_stalled: Arc::default(),
        }
    }

    /// Sets how long a case may make no progress before it fails. 30 seconds by default.
    ///
    /// That is long, so that a pool does not fail because the machine is busy. Once a case of this suite has failed in this way, the
    /// other cases get a tenth of it: a pool that hangs mostly hangs in many cases. Some cases also derive deadlines from it that must not pass, so a very short one makes correct pools fail.
    #[must_use]
    pub fn stall_timeout(mut self, stall_timeout: Duration) -> Self {
        self.stall_timeout = stall_timeout;
        self
    }

    /// All cases, in the order of their promises.
    pub fn cases() -> &'static [Case] {
        const CASES: &[Case] = crate::__pool_cases!([__case_table] {});
        CASES
    }

    /// Runs one case on new pools and on a new thread. Blocks until the case ends or makes no progress for the stall timeout.
    ///
    /// A case that hangs leaks its threads and its pool: a thread cannot be killed.
    ///
    /// # Errors
    /// If the pool fails the case, or the case makes no progress. The message names the calls that have not returned.
    pub fn run(&self, case: &Case) -> Result<(), CaseFailure> {
        let watchdog = Arc::new(Watchdog::default());
        let is_shortened = self.has_stalled.load(Ordering::SeqCst);
        let timeout = match is_shortened {
            true => self.stall_timeout / AFTER_A_STALL,
            false => self.stall_timeout,
        };
        let fixture = Fixture {
            factory: Arc::clone(&self.factory),
            watchdog: Arc::clone(&watchdog),
            timeout,
        };
        let (run, started) = (case.run, Instant::now());
        watchdog::run(&watchdog, timeout, move || run(&fixture)).map_err(|mut message| {
            if started.elapsed() >= timeout {
                self.has_stalled.store(true, Ordering::SeqCst);
                if is_shortened {
                    let full = self.stall_timeout;
                    message.push_str(&format!(
                        " (another case had made no progress for {full:?}, so this one was given {timeout:?})"
                    ));
                }
            }
            if !case.needs.is_empty() {
                let needs = case.needs.join("`, `");
                message.push_str(&format!(
                    "; the case needs `{needs}`, which a pool without it lists under `without`"
                ));
            }
            CaseFailure::new(case.sentence(), message, case.explanation())
        })
    }

    /// Runs the case of that name, like [`run`](Conformance::run).
    ///
    /// # Panics
    /// If the pool fails the case, or if no case has that name.
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

impl fmt::Debug for Conformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance")
            .field("stall_timeout", &self.stall_timeout)
            .finish_non_exhaustive()
    }
}
