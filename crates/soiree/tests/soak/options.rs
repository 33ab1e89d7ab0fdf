//! What `cargo xtask soak events` passes in the environment.

use std::env::var;
use std::fmt;
use std::time::Duration;

pub(crate) struct Options {
    pub(crate) duration: Duration,
    pub(crate) seed: u64,
    /// The first round. Each depends on the seed and its number alone.
    pub(crate) round: u64,
    pub(crate) threads: usize,
    /// Without progress for so long, a round counts as hung.
    pub(crate) stall_timeout: Duration,
}

impl Options {
    pub(crate) fn from_environment() -> Self {
        Self {
            duration: Duration::from_secs(number("SECONDS").unwrap_or(8)),
            seed: number("SEED").unwrap_or_else(|| fastrand::u64(..)),
            round: number("ROUND").unwrap_or(0),
            threads: number("THREADS").unwrap_or(4).clamp(1, 64) as usize,
            stall_timeout: Duration::from_secs(number("STALL_TIMEOUT").unwrap_or(60)),
        }
    }
}

fn number(name: &str) -> Option<u64> {
    let name = format!("SOIREE_SOAK_{name}");
    let value = var(&name).ok()?;
    let number = value.parse();
    Some(number.unwrap_or_else(|error| panic!("{name}={value}: {error}")))
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            duration,
            seed,
            round,
            threads,
            ..
        } = self;
        write!(
            f,
            "--seconds {} --seed {seed} --round {round} --threads {threads}",
            duration.as_secs()
        )
    }
}
