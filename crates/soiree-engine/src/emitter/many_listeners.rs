//! Reporting a pattern that gathers more listeners than usual.

use std::collections::HashSet;
use std::io::{Write, stderr};
use std::sync::{Mutex, PoisonError};

use soiree_core::{ManyListeners, Pattern, Registry};

use crate::settings::Settings;

/// No more patterns than this are reported, so that patterns which are made at run time neither fill a log nor memory.
const MAX_REPORTED: usize = 1000;

/// The patterns that were reported.
#[derive(Default)]
pub(super) struct CrowdedPatterns(Mutex<HashSet<Pattern>>);

impl CrowdedPatterns {
    /// Returns whether it is to be reported.
    fn add(&self, pattern: &Pattern) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reported.len() < MAX_REPORTED && reported.insert(pattern.clone())
    }

    /// Reports a pattern that has too many listeners, unless it was reported before.
    pub(super) fn check(&self, registry: &Registry, settings: &Settings, pattern: &Pattern) {
        let threshold = settings.many_listeners;
        let listeners = registry.listeners_of(pattern);
        if threshold == 0 || listeners <= threshold || !self.add(pattern) {
            return;
        }
        let places = registry.places_of(pattern);
        let many = ManyListeners::new(pattern.as_str(), listeners, threshold, &places);
        let observers = &settings.handlers.observers;
        if observers.is_empty() {
            // That nobody reads it is no error.
            let _ = writeln!(stderr(), "soiree: {many}");
        }
        observers.notify(|observer| observer.many_listeners(&many));
    }
}
