//! Starting the threads of the reference pool.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use crate::faults::Fault;
use crate::reference::Shared;

/// The body of a worker's thread.
struct Body {
    shared: Arc<Shared>,
    starter: ThreadId,
    has_run: bool,
}

impl Body {
    fn run(mut self) {
        self.has_run = true;
        self.shared.work();
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if !self.has_run {
            let is_starter = thread::current().id() == self.starter;
            self.shared.thread_failed(is_starter);
        }
    }
}

impl Shared {
    /// Starts a worker.
    pub(crate) fn start(self: &Arc<Self>) -> std::io::Result<()> {
        let mut state = self.lock();
        state.live += 1;
        self.serve(&mut state);
        drop(state);
        let body = Body {
            shared: Arc::clone(self),
            starter: thread::current().id(),
            has_run: false,
        };
        let body = Box::new(move || body.run());
        let builder = thread::Builder::new();
        let started = match &self.spec.spawn {
            Some(spawn) => spawn(builder, body),
            None => builder.spawn(body).map(drop),
        };
        match self.fault {
            Fault::CountsAFailedThreadAsAWorker => Ok(()),
            _ => started,
        }
    }

    /// A thread was not started, or has ended before it became a worker.
    fn thread_failed(&self, is_starter: bool) {
        match self.fault {
            Fault::CountsAFailedThreadAsAWorker if is_starter => return,
            Fault::CountsAThreadThatEndedEarly if !is_starter => return,
            _ => {}
        }
        let mut state = self.lock();
        // Submitters may have queued jobs for this worker: the calling thread runs them.
        while state.live == 1 && !self.has(Fault::LosesJobsWhenAThreadFails) {
            let queued = state.queue.pop_front();
            let waiting = || {
                let job = state.line.take_first();
                state.submitted += u64::from(job.is_some());
                job
            };
            let Some(job) = queued.or_else(waiting) else {
                break;
            };
            state.inline += 1;
            self.serve(&mut state);
            drop(state);
            let ended = job.run_for_pool();
            state = self.lock();
            state.inline -= 1;
            state.count(ended.outcome());
        }
        state.live -= 1;
        self.changed.notify_all();
    }
}
