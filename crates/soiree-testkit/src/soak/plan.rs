//! What a job will do, decided before it is submitted.

use std::hint;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::SoakOperation;
use super::spec::pick;

/// How many jobs may submit one another in a row. More than any recursion limit allows inline.
const MAX_DEPTH: u32 = 20;

const MOMENT: Duration = Duration::from_millis(1);

/// What a job will do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) panic_mode: PanicMode,
    pub(super) work: Work,
    /// The seed of the operations that the job runs on its own pool; `None` if it runs none.
    pub(super) nested: Option<u64>,
    /// How many jobs submitted one another before this one.
    pub(super) depth: u32,
    /// Whether the job is made of a `Task` instead of a closure.
    pub(super) is_task: bool,
    pub(super) deadline: Deadline,
    /// The operation by which the job closes its own pool; `None` if it does not.
    pub(super) closes_pool: Option<SoakOperation>,
}

/// When a job panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PanicMode {
    Never,
    WhileRunning,
    /// Panics with a payload that panics when dropped.
    WhileRunningAndOnDrop,
    /// Panics when dropped, whether it ran or not.
    OnDrop,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Work {
    Nothing,
    Spin(u32),
    Yield,
    Sleep(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    None,
    /// Passed before the job is submitted: the job must not run.
    Past,
    /// May pass while the job waits.
    Near,
    /// Cannot pass during the round.
    Far,
}

impl Plan {
    pub(super) fn random(rng: &mut Rng, depth: u32) -> Self {
        let panic_mode = match rng.u8(0..20) {
            0 => PanicMode::WhileRunning,
            1 => PanicMode::WhileRunningAndOnDrop,
            2 => PanicMode::OnDrop,
            _ => PanicMode::Never,
        };
        let work = match rng.u8(0..20) {
            0..10 => Work::Nothing,
            10..15 => Work::Spin(rng.u32(1..2_000)),
            15..19 => Work::Yield,
            _ => Work::Sleep(Duration::from_micros(rng.u64(1..300))),
        };
        // Deeper jobs submit more often, so most jobs submit none and a few chains reach the maximum depth.
        let submits = depth < MAX_DEPTH && rng.u8(0..10) < if depth == 0 { 1 } else { 5 };
        Self {
            panic_mode,
            work,
            nested: submits.then(|| rng.u64(..)),
            depth,
            is_task: rng.u8(0..4) == 0 && panic_mode != PanicMode::OnDrop,
            deadline: Deadline::None,
            closes_pool: None,
        }
    }
}

impl PanicMode {
    pub(super) fn panics(self) -> bool {
        self != Self::Never
    }
}

impl Work {
    pub(super) fn perform(self) {
        match self {
            Self::Nothing => {}
            Self::Spin(times) => (0..times).for_each(|_| hint::spin_loop()),
            Self::Yield => thread::yield_now(),
            Self::Sleep(time) => thread::sleep(time),
        }
    }
}

impl Deadline {
    pub(super) fn random(rng: &mut Rng) -> Self {
        pick(rng, &[Self::Past, Self::Near, Self::Far])
    }

    pub(super) fn instant(self, rng: &mut Rng) -> Instant {
        let now = Instant::now();
        match self {
            Self::Past => now.checked_sub(MOMENT).unwrap_or_else(|| {
                // The clock started less than a moment ago.
                thread::sleep(MOMENT);
                now
            }),
            Self::Near => now + Duration::from_micros(rng.u64(..500)),
            Self::Far | Self::None => now + Duration::from_secs(3600),
        }
    }

    /// Whether the pool may drop a job because of this deadline.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Self::Past | Self::Near)
    }
}
