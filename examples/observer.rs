//! An observer that counts, and a slow listener that is reported while it still runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::observe::{EmissionRejected, Interest, JobEnded, ListenerEnd, ListenerEnded, Observer};
use soiree::{EventPool, ListenerOptions};

#[derive(Default)]
struct Counts {
    failed: AtomicU64,
    rejected: AtomicU64,
    longest_wait: Mutex<Duration>,
}

impl Observer for Counts {
    fn interest(&self) -> Interest {
        Interest::FAILURES | Interest::JOBS
    }

    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        if !matches!(ended.outcome, ListenerEnd::Succeeded) {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn emission_rejected(&self, rejected: &EmissionRejected<'_>) {
        println!("rejected: {}", rejected.topic);
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    fn job_ended(&self, ended: &JobEnded<'_>) {
        if let Ok(mut longest) = self.longest_wait.lock() {
            *longest = ended.waited.max(*longest);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: an observer counts failures and rejections, and a slow listener is reported while it still runs"
    );
    println!("why: a listener that hangs is seen at once, and not only when its queue is full\n");

    let counts = Arc::new(Counts::default());
    let (finish, may_finish) = channel();
    let (finish, may_finish) = (Mutex::new(finish), Mutex::new(may_finish));
    let soiree = EventPool::builder()
        .observer(Arc::clone(&counts))
        .slow_listeners(Duration::from_millis(5))
        .slow_listener_handler(move |slow| {
            let name = slow.listener.name.unwrap_or("?");
            if slow.ended {
                println!("{name} has ended");
                return;
            }
            println!("{name} still runs, for {}", slow.topic);
            // Nothing interrupts a slow listener. This one waits for a message to end.
            let _ = finish.lock().map(|finish| finish.send(()));
        })
        .build()?;
    let mailer = ListenerOptions::new().name("mailer");
    soiree.on_with("mail.queued", mailer, move |_| {
        let _ = may_finish.lock().map(|finish| finish.recv());
    })?;
    soiree.on("mail.*", |_| Err::<(), _>("no such recipient"))?;

    soiree.emit("mail.queued", "hello")?.wait();
    soiree.emit("mail.bounced", "hello")?.wait();
    soiree.close()?;
    if let Err(error) = soiree.emit("mail.queued", "too late") {
        println!("{error}");
    }

    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{} failed, {} rejected",
        count(&counts.failed),
        count(&counts.rejected)
    );
    if let Ok(longest) = counts.longest_wait.lock() {
        println!("no job waited longer than {longest:?}");
    }
    Ok(())
}
