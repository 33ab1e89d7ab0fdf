//! Which patterns match which topics.

use std::sync::{Arc, Mutex};

use soiree::{EventPool, Pattern};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: which patterns match which topics: `*` is one segment, `**` any number, and at the end one or more"
    );
    println!(
        "why: a listener of a whole area, such as an audit, needs no list of the events in it\n"
    );

    let soiree = EventPool::new();
    let matched = Arc::new(Mutex::new(Vec::new()));
    for pattern in [
        "acme.ann.invoice.paid",
        "acme.*.invoice.*",
        "acme.**",
        "**.paid",
    ] {
        let matched = Arc::clone(&matched);
        soiree.on(pattern, move |_| {
            matched.lock().expect("no listener panics").push(pattern)
        })?;
    }
    soiree.set_unheard_event_handler(|event| println!("nobody listens to {}", event.topic()));

    for topic in [
        "acme.ann.invoice.paid",
        "acme.bob.invoice.sent",
        "acme.paid",
        "acme",
    ] {
        let report = soiree.emit_sync(topic, ())?;
        let patterns = std::mem::take(&mut *matched.lock().expect("no listener panics"));
        println!("{topic}: {} ({})", report.delivered(), patterns.join(", "));
    }

    let pattern = Pattern::new("*.eve.*")?;
    println!(
        "{pattern} matches globex.eve.login: {}",
        pattern.matches("globex.eve.login")
    );
    soiree.close()?;
    Ok(())
}
