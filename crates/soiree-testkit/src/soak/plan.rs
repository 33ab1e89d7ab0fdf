//! What a job is going to do, decided before it is submitted.

use std::hint;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::SoakOperation;
use super::spec::pick;

/// How deep jobs submit jobs: beyond what a pool may run inside one another.
const MAX_DEPTH: u32 = 20;

const MOMENT: Duration = Duration::from_millis(1);

/// What a job is to do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) panic_mode: PanicMode,
    pub(super) work: Work,
    /// The seed of what it does to its own pool, if anything.
    pub(super) nested: Option<u64>,
    /// How many jobs have submitted one another down to this one.
    pub(super) depth: u32,
    /// Whether it is made of shared work rather than of a closure.
    pub(super) is_task: bool,
    pub(super) deadline: Deadline,
    /// Whether it ends its own pool, and how.
    pub(super) closes_pool: Option<SoakOperation>,
}

/// How a job goes out of this world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PanicMode {
    Never,
    WhileRunning,
    /// Panics with something that panics as it is dropped.
    WhileRunningAndOnDrop,
    /// Holds something that panics as it is dropped, whether the job was run or not.
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
    /// Gone before it is submitted: it must not run.
    Past,
    /// So soon that it may pass while the job waits.
    Near,
    /// So far that it cannot pass.
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
        // The deeper, the likelier to go on: most jobs submit none, and a few go all the way down.
        let goes_on = depth < MAX_DEPTH && rng.u8(0..10) < if depth == 0 { 1 } else { 5 };
        Self {
            panic_mode,
            work,
            nested: goes_on.then(|| rng.u64(..)),
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
                // The clock is so young that it has to tick first.
                thread::sleep(MOMENT);
                now
            }),
            Self::Near => now + Duration::from_micros(rng.u64(..500)),
            Self::Far | Self::None => now + Duration::from_secs(3600),
        }
    }

    /// Whether a job may have been dropped because of it.
    pub(super) fn may_pass(self) -> bool {
        matches!(self, Self::Past | Self::Near)
    }
}
