//! The end of a listener, and of the relay itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use soiree_core::store::Marks;

use super::{Leaving, Progress, Relay};
use crate::commit_queue::CommitQueue;
use crate::listener::{DurableListener, Number};

impl Relay {
    pub(super) fn drop_removed(&mut self) {
        let Progress {
            listeners,
            leaving,
            committed,
            ..
        } = &mut self.state;
        listeners.retain(|_, listener| {
            let ends = listener.is_removed && listener.is_idle();
            if ends {
                let generation = mark_clean(listener, &self.queue);
                leaving.push(Leaving {
                    term: listener.term.clone(),
                    generation,
                    has_left: Arc::clone(&listener.subscribed.has_left),
                });
            }
            !ends
        });
        leaving.retain(|leaving| {
            let ends = *committed >= Some(leaving.generation);
            if ends {
                // The claim ends with the process anyway.
                let _ = self.store.release(&leaving.term);
                self.queue.forget(&leaving.term);
                leaving.has_left.store(true, Ordering::Release);
            }
            !ends
        });
    }

    pub(super) fn is_idle(&self) -> bool {
        let mut listeners = self.state.listeners.values();
        listeners.all(DurableListener::is_idle)
    }

    /// What still runs goes back. A deadline is no crash.
    pub(super) fn abandon(&mut self) {
        let numbers: Vec<Number> = self.state.listeners.keys().copied().collect();
        for number in numbers {
            self.with_listener(number, DurableListener::abandon);
        }
        self.stop();
        // If the outbox was dropped, nobody else lets the writer end.
        self.queue.close();
    }

    pub(super) fn stop(&mut self) {
        if let Some((_, id)) = self.state.armed.take() {
            self.clock.cancel(id);
        }
        if self.state.has_failed {
            return;
        }
        for listener in self.state.listeners.values_mut() {
            mark_clean(listener, &self.queue);
        }
    }
}

fn mark_clean(listener: &mut DurableListener, queue: &CommitQueue) -> u64 {
    listener.flush(queue);
    let mut clean = Marks::new(listener.term.clone());
    clean.clean = Some(true);
    queue.mark(clean, true)
}
