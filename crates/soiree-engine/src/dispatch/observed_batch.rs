//! The fast path when observers are notified of the emission, or of each call.

use std::time::Instant;

use soiree_core::observe::clock;
use soiree_core::panic::{caught, contained};
use soiree_core::registry::CachedListener;
use soiree_core::{Event, Interest, ListenerEnd, ListenerEnded, ListenerStarted, Observers};

use super::batch::{BatchResult, failure};

/// Calls listeners one after another, up to one that fails, or that must not be called because the event is aborted. Notifies observers of
/// each call that they are interested in.
///
/// As in [`call_batch`](super::batch::call_batch), all of them share one frame that catches panics. They must not say after which time
/// they are slow. Also returns when the one that failed was called.
#[inline(never)]
pub(crate) fn call_observed_batch(
    listeners: &[CachedListener],
    topic: &str,
    event: &dyn Event,
    observers: &Observers,
) -> (BatchResult, Option<Instant>) {
    const ATTEMPT: u32 = 1;
    let (mut count, mut skipped, mut aborted, mut started) = (0, 0, false, None);
    let are_observed = observers.want(Interest::LISTENERS);
    let result = caught(|| {
        for cached in listeners {
            count += 1;
            if event.is_aborted() {
                count -= 1;
                aborted = true;
                break;
            }
            let registration = &cached.registration;
            if registration.filter().is_some_and(|filter| !filter(event)) {
                skipped += 1;
                continue;
            }
            if !are_observed {
                cached.listener.handle(event)?;
                continue;
            }
            let listener = registration.listener_ref();
            let starts = ListenerStarted::new(topic, event, listener, ATTEMPT);
            observers.notify_of(Interest::LISTENERS, |observer| {
                observer.listener_started(&starts);
            });
            let start = clock::now();
            started = Some(start);
            cached.listener.handle(event)?;
            let run_time = clock::now().saturating_duration_since(start);
            started = None;
            let (outcome, run_time) = (ListenerEnd::Succeeded, Some(run_time));
            let ended = ListenerEnded::new(topic, event, listener, ATTEMPT, outcome, run_time);
            observers.notify_of(Interest::LISTENERS, |observer| {
                observer.listener_ended(&ended);
            });
        }
        Ok(())
    });
    let failed = failure(result);
    if failed.is_none() && !aborted {
        contained(|| aborted = event.is_aborted());
    }
    let batch = BatchResult {
        count,
        skipped,
        failed,
        aborted,
    };
    (batch, started)
}
