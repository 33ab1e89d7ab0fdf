//! What an observer wants to be notified of.

use std::fmt;
use std::ops::BitOr;

/// What an [`Observer`](super::Observer) wants to be notified of, besides what happens rarely.
///
/// What no observer wants is not made, and no clock is read for it: without an interest in emissions and listeners, an `emit_sync` that
/// succeeds is as fast as without observers. Combine interests with `|`.
///
/// ```
/// use soiree_core::{EmissionEnded, Interest, ListenerEnd, ListenerEnded, Observer};
///
/// /// Logs emissions, and the errors of their listeners.
/// struct Log;
///
/// impl Observer for Log {
///     fn interest(&self) -> Interest {
///         Interest::EMISSIONS | Interest::FAILURES
///     }
///
///     fn emission_ended(&self, ended: &EmissionEnded<'_>) {
///         println!("{}: {} called", ended.topic, ended.delivered);
///     }
///
///     fn listener_ended(&self, ended: &ListenerEnded<'_>) {
///         if let ListenerEnd::Failed(error) | ListenerEnd::Panicked(error) = ended.outcome {
///             eprintln!("{error}");
///         }
///     }
/// }
///
/// assert!(Log.interest().intersects(Interest::EMISSIONS));
/// assert!(!Log.interest().intersects(Interest::JOBS | Interest::LISTENERS));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interest(u8);

impl Interest {
    /// Only what happens rarely: rejected emissions, panics, retries, dead letters, unheard events, resized pools, subscriptions, and what
    /// an outbox notifies of. Each observer is notified of that.
    pub const RARE: Self = Self(0);
    /// Every emission that starts: `emission_started`, `emission_accepted` and `emission_ended`.
    pub const EMISSIONS: Self = Self(1);
    /// Every job: `job_offered`, `job_rejected`, `job_started` and `job_ended`. For these the clock is read three times for each job.
    pub const JOBS: Self = Self(1 << 1);
    /// Calls of listeners that do not succeed, or that do not take place: `listener_ended` for them, and not for others. These calls are
    /// not timed.
    pub const FAILURES: Self = Self(1 << 2);
    /// Every call of a listener, failures too: `listener_started`, `listener_ended` and `listener_slow`. For these the clock is read twice
    /// for each call.
    pub const LISTENERS: Self = Self(1 << 3);
    /// Everything.
    pub const ALL: Self =
        Self(Self::EMISSIONS.0 | Self::JOBS.0 | Self::FAILURES.0 | Self::LISTENERS.0);

    /// Whether the two have anything in common, besides what happens rarely.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Interest {
    type Output = Self;

    #[inline]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Shows the names.
impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::EMISSIONS, "EMISSIONS"),
            (Self::JOBS, "JOBS"),
            (Self::FAILURES, "FAILURES"),
            (Self::LISTENERS, "LISTENERS"),
        ];
        f.write_str("RARE")?;
        for (_, name) in names.iter().filter(|(part, _)| self.intersects(*part)) {
            write!(f, " | {name}")?;
        }
        Ok(())
    }
}
