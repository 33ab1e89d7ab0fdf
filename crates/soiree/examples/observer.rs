//! Seeing what happens as it happens: an observer that adds up, and a listener that is told of as slow while it still runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soiree::observe::{EmissionRejected, JobEnded, ListenerEnd, ListenerEnded, Observer};
use soiree::{EventPool, ListenerOptions};

#[derive(Default)]
struct Figures {
    failed: AtomicU64,
    refused: AtomicU64,
    longest_wait: Mutex<Duration>,
}

impl Observer for Figures {
    fn listener_ended(&self, ended: &ListenerEnded<'_>) {
        if !matches!(ended.outcome, ListenerEnd::Succeeded) {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn emission_rejected(&self, refused: &EmissionRejected<'_>) {
        println!("refused: {}", refused.topic);
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    fn job_ended(&self, ended: &JobEnded<'_>) {
        if let Ok(mut longest) = self.longest_wait.lock() {
            *longest = ended.waited.max(*longest);
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let figures = Arc::new(Figures::default());
    let (finish, told) = channel();
    let (finish, told) = (Mutex::new(finish), Mutex::new(told));
    let soiree = EventPool::builder()
        .observer(Arc::clone(&figures))
        .slow_listeners(Duration::from_millis(5))
        .slow_listener_handler(move |slow| {
            let name = slow.listener.name.unwrap_or("?");
            if slow.ended {
                println!("{name} has ended at last");
                return;
            }
            println!("{name} still runs, for {}", slow.topic);
            // It would be killed by nobody, so here it is asked to come to an end.
            let _ = finish.lock().map(|finish| finish.send(()));
        })
        .build()?;
    let mailer = ListenerOptions::new().name("mailer");
    soiree.on_with("mail.queued", mailer, move |_| {
        let _ = told.lock().map(|told| told.recv());
    })?;
    soiree.on("mail.*", |_| Err::<(), _>("no such recipient"))?;

    soiree.emit("mail.queued", "hello")?.wait();
    soiree.emit("mail.bounced", "hello")?.wait();
    soiree.close()?;
    if let Err(refused) = soiree.emit("mail.queued", "too late") {
        println!("{refused}");
    }

    let count = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    println!(
        "{} failed, {} refused",
        count(&figures.failed),
        count(&figures.refused)
    );
    if let Ok(longest) = figures.longest_wait.lock() {
        println!("no job waited longer than {longest:?}");
    }
    Ok(())
}
