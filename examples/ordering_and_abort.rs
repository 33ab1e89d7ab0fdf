//! Priorities across patterns, and a listener that stops the ones after it.

use soiree::{EventPool, ListenerOptions, Payload, Priority};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: listeners of several patterns run by priority, and the first may stop those after it"
    );
    println!(
        "why: a check that must come first is one more listener, and no other one has to know of it\n"
    );

    let soiree = EventPool::new();

    soiree.on("payment.requested", |event| {
        let cents = event.payload_as::<u64>().map_or(0, |cents| *cents);
        println!("3. charge {cents} cents");
    })?;
    soiree.on_with("payment.**", Priority::High, |event| {
        println!("2. subtract the discount");
        if let Some(cents) = event.payload_as::<u64>() {
            event.set_payload(Payload::new(cents.saturating_sub(500)));
        }
    })?;
    let limit = ListenerOptions::new()
        .priority(Priority::Highest)
        .name("limit");
    soiree.on_with("**", limit, |event| {
        println!("1. check the limit");
        let cents = event.payload_as::<u64>().map_or(0, |cents| *cents);
        event.set_aborted(cents > 100_000);
    })?;

    let charged = soiree.emit("payment.requested", 4_200_u64)?.wait();
    println!(
        "called {}, aborted: {}",
        charged.delivered(),
        charged.is_aborted()
    );

    let stopped = soiree.emit("payment.requested", 4_200_000_u64)?.wait();
    println!(
        "called {}, aborted: {}",
        stopped.delivered(),
        stopped.is_aborted()
    );

    soiree.close()?;
    Ok(())
}
