//! Threads that live on without doing anything.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

/// Threads that have done something once each, at the same time.
pub(crate) struct RestingThreads {
    end: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl RestingThreads {
    /// Starts them, and waits until each has acted.
    pub(crate) fn start(count: usize, act: impl Fn() + Send + Sync + 'static) -> Self {
        let act = Arc::new(act);
        let (end, ended) = channel::<()>();
        let (acted, all_acted) = channel();
        let ended = Arc::new(Mutex::new(ended));
        let spawn = |_| {
            let (act, acted, ended) = (Arc::clone(&act), acted.clone(), Arc::clone(&ended));
            let body = move || {
                act();
                // What it holds must not outlive the program that is measured.
                drop(act);
                acted.send(()).expect("the starter waits");
                // Until the sender is dropped.
                let _ = ended.lock().expect("no thread panics").recv();
            };
            let builder = Builder::new().stack_size(64 * 1024);
            builder.spawn(body).expect("threads can be started")
        };
        let threads = (0..count).map(spawn).collect();
        all_acted.iter().take(count).for_each(drop);
        Self {
            end: Some(end),
            threads,
        }
    }

    pub(crate) fn end(&mut self) {
        self.end = None;
        for thread in self.threads.drain(..) {
            thread.join().expect("no thread panics");
        }
    }
}

impl Drop for RestingThreads {
    fn drop(&mut self) {
        self.end();
    }
}
