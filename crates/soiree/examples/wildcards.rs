//! Which patterns match which topics.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use soiree::{EventPool, Pattern};

const PATTERNS: [&str; 5] = [
    "acme.ann.invoice.paid",
    "acme.*.invoice.*",
    "acme.**",
    "**.paid",
    "**",
];
const TOPICS: [&str; 5] = [
    "acme.ann.invoice.paid",
    "acme.bob.invoice.sent",
    "acme.paid",
    "acme",
    "globex.eve.login",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let soiree = EventPool::new();
    let matched = Arc::new(Mutex::new(Vec::new()));
    for pattern in PATTERNS {
        let matched = Arc::clone(&matched);
        soiree.on(pattern, move |_| {
            matched.lock().expect("no listener panics").push(pattern)
        })?;
    }
    let dead = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dead);
    soiree.set_dead_event_handler(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });

    for topic in TOPICS {
        soiree.emit_sync(topic, ())?.into_result()?;
        let patterns = std::mem::take(&mut *matched.lock().expect("no listener panics"));
        println!("{topic:<22} {}", patterns.join("  "));
    }
    println!(
        "events nobody listened to: {}",
        dead.load(Ordering::Relaxed)
    );

    println!(
        "without an event pool: {}",
        Pattern::new("*.eve.*")?.matches("globex.eve.login")
    );
    soiree.close()?;
    Ok(())
}
