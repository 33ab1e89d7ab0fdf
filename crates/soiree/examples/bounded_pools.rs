//! A pool with a short queue that refuses when it is full, and gives back what it refused.

use std::sync::Mutex;
use std::sync::mpsc;

use soiree::{EmitError, EventPool, Overflow, WorkerPool};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = WorkerPool::builder()
        .name("mail")
        .max_workers(1)
        .capacity(2)
        .overflow(Overflow::Reject)
        .build()?;
    let soiree = EventPool::with_pool(pool);

    // The only worker is held in the first event until the gate opens.
    let (started, has_started) = mpsc::channel();
    let (open, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    soiree.on(
        "mail.queued",
        move |event| -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
            started.send(())?;
            // Fails once `open` is gone, and that is what opens the gate.
            let _ = gate.lock().map_err(|error| error.to_string())?.recv();
            println!("sent: {:?}", event.payload_as::<String>());
            Ok(())
        },
    )?;

    soiree.emit("mail.queued", String::from("mail 1"))?;
    has_started.recv()?;
    for number in 2..=4 {
        match soiree.emit("mail.queued", format!("mail {number}")) {
            Ok(_) => println!("accepted: mail {number}"),
            Err(EmitError::Refused {
                payload, source, ..
            }) => {
                println!(
                    "refused: {:?}, because {source}",
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

    drop(open);
    soiree.close()?;
    let stats = soiree.pool_stats();
    println!(
        "submitted {}, successful {}",
        stats.submitted, stats.successful
    );
    Ok(())
}
