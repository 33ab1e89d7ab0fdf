//! Subscribe, emit, wait, close.

use soiree::EventPool;

struct User {
    name: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: one event reaches every listener whose pattern matches, and `wait` returns what became of it"
    );
    println!(
        "why: the code that emits names none of its listeners, so the next one is added without touching it\n"
    );

    let soiree = EventPool::new();

    soiree.on("user.created", |event| {
        if let Some(user) = event.payload_as::<User>() {
            println!("welcome, {}", user.name);
        }
    })?;
    soiree.on("user.*", |event| println!("audit: {}", event.topic()))?;

    let emission = soiree.emit(
        "user.created",
        User {
            name: "Matty Ice".into(),
        },
    )?;
    let report = emission.wait();
    println!("listeners called: {}", report.delivered());

    // You need not wait: `close` returns when all accepted events are handled.
    soiree.emit(
        "user.deleted",
        User {
            name: "Matty Ice".into(),
        },
    )?;
    soiree.close()?;
    Ok(())
}
