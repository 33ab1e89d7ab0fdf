//! Workloads that belong together, and what is compared in them.

use std::time::Duration;

use crate::comparison::{Row, Target};
use crate::key::Key;
use crate::runs::Figure;

pub(super) const SOIREE: &str = "soiree";

/// Workloads that belong together.
pub(crate) struct Chapter {
    pub(crate) title: &'static str,
    /// What is done, and what the figures mean.
    pub(crate) about: &'static str,
    /// What keeps soiree from what it is to reach here, and what was tried.
    pub(crate) obstacles: &'static str,
    pub(crate) groups: Vec<Group>,
    pub(crate) rows: Vec<Row>,
}

/// Cases that take turns.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) keys: Vec<Key>,
    /// How long one run is to take.
    pub(crate) window: Duration,
    /// How many operations that are, where it is not to be found out.
    pub(crate) ops: Option<u64>,
}

impl Group {
    pub(super) fn new(name: impl Into<String>, keys: Vec<Key>) -> Self {
        Self {
            name: name.into(),
            keys,
            window: Duration::from_millis(300),
            ops: None,
        }
    }

    /// How much of the time it should have.
    pub(crate) fn weight(&self) -> f64 {
        self.window.as_secs_f64() * self.keys.len() as f64
    }
}

pub(super) fn keys(workload: &str, contenders: &[&str]) -> Vec<Key> {
    let key = |contender: &&str| Key::new(workload, *contender);
    contenders.iter().map(key).collect()
}

pub(super) fn row(name: &str, ours: Key, others: Vec<Key>, target: Target) -> Row {
    Row {
        name: name.into(),
        ours,
        others,
        figure: Figure::Wall,
        target,
    }
}
