//! Spans of the crate `tracing`: from a request to the listeners that its events call, on any thread.

use std::error::Error;

use soiree::{EventPool, ListenerOptions, Overflow, WorkerPool};
use tracing::{Level, info, info_span, warn};
use tracing_subscriber::fmt::format::FmtSpan;

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "shows: spans of `tracing` from a request to the listeners of its events, on any thread"
    );
    println!("why: a log line of a listener still says which request it belongs to\n");

    // Set for the whole process, because listeners run on other threads.
    tracing_subscriber::fmt()
        .with_max_level(Level::INFO)
        .with_span_events(FmtSpan::CLOSE)
        .with_thread_names(true)
        .with_ansi(false)
        .init();

    let mail = WorkerPool::builder().name("mail").max_workers(1);
    let mail = mail.capacity(1).overflow(Overflow::Reject);
    let soiree = EventPool::builder()
        .bulkhead("mail", mail.build()?)
        .build()?;
    let named = |name: &str| ListenerOptions::new().name(name);
    soiree.on_with("user.*", named("audit"), |event| {
        info!("saw {}", event.topic())
    })?;
    soiree.on_with("user.created", named("quota"), |_| {
        Err::<(), _>("no plan chosen")
    })?;
    soiree.on_with("user.created", named("welcome").pool("mail"), |_| {
        info!("sending a mail");
    })?;

    let request = info_span!("request", path = "/signup");
    let report = request.in_scope(|| {
        info!("signing up");
        soiree.emit("user.created", "Matty Ice")
    })?;
    let report = report.wait();
    drop(request);
    println!("called {}, failed {}", report.delivered(), report.failed());
    if soiree.emit("user..created", "Matty Ice").is_err() {
        warn!("invalid topic");
    }
    soiree.close()?;
    Ok(())
}
