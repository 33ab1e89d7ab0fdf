//! A pool with a short queue: when it is full, it rejects events and returns their payloads.

use std::sync::{Arc, Barrier};

use soiree::{EmitError, EventPool, ListenerOptions, Overflow, WorkerPool};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: a pool of one worker with two places to wait rejects the fourth event, and returns its payload"
    );
    println!(
        "why: under overload memory stays bounded, and the emitter learns what was not taken instead of losing it\n"
    );

    let mail = WorkerPool::builder()
        .name("mail")
        .max_workers(1)
        .capacity(2);
    let soiree = EventPool::with_pool(mail.overflow(Overflow::Reject).build()?);

    // Holds the only worker in the first event, from the first `wait` at the barrier to the second.
    let barrier = Arc::new(Barrier::new(2));
    let held = Arc::clone(&barrier);
    soiree.on_with("mail.queued", ListenerOptions::new().once(), move |_| {
        held.wait();
        held.wait();
    })?;
    soiree.on("mail.queued", |event| {
        println!("sent: {:?}", event.payload_as::<String>())
    })?;

    soiree.emit("mail.queued", String::from("mail 1"))?;
    barrier.wait();
    for number in 2..=4 {
        match soiree.emit("mail.queued", format!("mail {number}")) {
            Ok(_) => println!("accepted: mail {number}"),
            Err(EmitError::Rejected {
                payload, source, ..
            }) => {
                println!(
                    "rejected: {:?}, because {source}",
                    payload.downcast_ref::<String>()
                );
            }
            Err(other) => return Err(other.into()),
        }
    }
    let stats = soiree.pool_stats();
    println!(
        "waiting {} of {}, rejected {}",
        stats.waiting, stats.capacity, stats.rejected
    );

    barrier.wait();
    soiree.close()?;
    let stats = soiree.pool_stats();
    println!(
        "submitted {}, successful {}",
        stats.submitted, stats.successful
    );
    Ok(())
}
