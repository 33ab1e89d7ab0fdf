//! Lists who listens to what: as text, or with `--dot` as a graph for Graphviz, with pools and routes.
//!
//! `cargo run --example graph -- --dot | dot -Tsvg > graph.svg`

use std::error::Error;
use std::time::Duration;

use soiree::{EventPool, KeyOrder, ListenerOptions, Priority, Retry, WorkerPool};

fn main() -> Result<(), Box<dyn Error>> {
    let soiree = EventPool::builder()
        .bulkhead("http", WorkerPool::new(4, 100)?)
        .bulkhead("uploads", WorkerPool::new(2, 16)?)
        .route("upload.**", "uploads")
        .route("webhook.*.sent", "http")
        .ordered(
            "user.**",
            KeyOrder::by(|event| event.payload_as::<u64>().map(|user| *user)),
        )
        .build()?;

    let named = |name: &str| ListenerOptions::new().name(name);
    soiree.on_with(
        "user.**",
        named("audit").priority(Priority::Highest),
        |_| {},
    )?;
    soiree.on_with("user.created", named("welcome mail").pool("http"), |_| {})?;
    soiree.on_with("user.created", named("first login").once(), |_| {})?;
    soiree.on("user.*", |_| {})?;
    let retry = Retry::exponential(Duration::from_millis(100), 5);
    soiree.on_with(
        "user.*.invoice.paid",
        named("accounting").retry(retry),
        |_| {},
    )?;
    soiree.on_with("upload.**", named("thumbnails").filter(|_| true), |_| {})?;
    soiree.on_with("upload.video.done", named("transcode"), |_| {})?;

    if std::env::args().any(|argument| argument == "--dot") {
        print!("{}", soiree.graph());
        return Ok(());
    }
    println!(
        "shows: who listens to what, in which order they are called, and where each was registered"
    );
    println!("why: events hide who calls whom; the running program can tell\n");
    for topic in soiree.topics() {
        println!("{} has {} listeners", topic.pattern, topic.listeners);
    }
    println!("user.created would call, in this order:");
    for listener in soiree.listeners_for("user.created")? {
        let name = listener.name.as_deref().unwrap_or("(no name)");
        let place = listener.registered_at.map(ToString::to_string);
        println!(
            "  {name}: {} on {}, registered at {}",
            listener.priority,
            listener.pattern,
            place.unwrap_or_default()
        );
    }
    if !soiree.has_listeners("order.created")? {
        println!("nobody listens to order.created");
    }
    soiree.close()?;
    Ok(())
}
