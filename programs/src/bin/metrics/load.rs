//! Four kinds of work, one of them durable, each emitted in bursts by a thread of its own.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use soiree::Outbox;

/// A kind of work, and how often it is emitted: in calm times, and in bursts.
struct Kind {
    topics: &'static [&'static str],
    calm_per_second: f64,
    burst_per_second: f64,
}

const KINDS: [Kind; 4] = [
    Kind {
        topics: &["request.page", "request.search", "request.signup"],
        calm_per_second: 150.0,
        burst_per_second: 1500.0,
    },
    Kind {
        topics: &["webhook.push", "webhook.release", "cron.minute"],
        calm_per_second: 25.0,
        burst_per_second: 160.0,
    },
    Kind {
        topics: &["export.csv", "export.image"],
        calm_per_second: 1.0,
        burst_per_second: 12.0,
    },
    Kind {
        topics: &["order.placed", "order.paid"],
        calm_per_second: 20.0,
        burst_per_second: 80.0,
    },
];

/// The load. Dropping it ends the load.
pub(crate) struct Load {
    /// Nothing is sent here. The threads end when these are dropped.
    stops: Vec<mpsc::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts to emit `factor` times the usual load.
    pub(crate) fn start(soiree: &Outbox, factor: f64) -> Self {
        let mut load = Self {
            stops: Vec::new(),
            threads: Vec::new(),
        };
        if factor == 0.0 {
            return load;
        }
        for kind in &KINDS {
            let (stop, stopped) = mpsc::channel();
            let soiree = soiree.clone();
            load.stops.push(stop);
            load.threads.push(thread::spawn(move || {
                offer(kind, &soiree, factor, &stopped)
            }));
        }
        load
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stops.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn offer(kind: &Kind, soiree: &Outbox, factor: f64, stopped: &mpsc::Receiver<()>) {
    let mut burst = false;
    let mut changes = Instant::now();
    // When the next emit is due. After a stall of the machine, the thread catches up.
    let mut due = Instant::now();
    loop {
        let now = Instant::now();
        if now >= changes {
            burst = !burst;
            let seconds = if burst { 1.0 } else { 4.0 } * (0.5 + fastrand::f64());
            changes = now + Duration::from_secs_f64(seconds);
        }
        let rate = if burst {
            kind.burst_per_second
        } else {
            kind.calm_per_second
        };
        // Exponential gaps, as if many independent sources emitted.
        let gap = -(1.0 - fastrand::f64()).ln() / (rate * factor);
        due += Duration::from_secs_f64(gap.min(5.0));
        let pause = due.saturating_duration_since(now);
        if stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
        let topic = kind.topics[fastrand::usize(..kind.topics.len())];
        // The page shows rejections. The payload may be dropped.
        let _ = soiree.emit(topic, fastrand::u64(..));
    }
}
