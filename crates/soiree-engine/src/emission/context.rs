//! What listeners that are called one after another stand on.

use std::sync::Arc;
use std::time::Duration;

use super::cargo::Cargo;
use super::flight::Flight;
use super::later::call_again;
use super::part::hand_over;
use super::watch::watch;
use crate::dispatch::{Failed, Ground, Tally};
use crate::invocation::{Call, Watched, Within};
use soiree_core::registry::Registration;
use soiree_core::{Event, ListenerError};

impl<C: Cargo> Ground for &Arc<Flight<C>> {
    fn keep(&mut self, error: ListenerError) {
        self.core.fail(error);
    }

    fn hand_over(
        &mut self,
        entry: &Arc<Registration>,
        event: &dyn Event,
        tally: &mut Tally,
    ) -> bool {
        hand_over(self, entry, event, tally)
    }

    fn retry(&mut self, entry: &Arc<Registration>, event: &dyn Event, failed: Failed<'_>) -> bool {
        call_again(self, entry, event, failed, None)
    }

    fn watch(&mut self, call: &Call<'_>, within: Within<'_>, limit: Duration) -> Watched {
        watch(self, call, within, limit, None, &self.core.link())
    }

    fn is_aborted_elsewhere(&mut self, _: &dyn Event) -> bool {
        // All its listeners see the same event.
        false
    }
}
