//! A panic in a listener stops neither the other listeners nor the worker.

use soiree::{EventPool, ListenerOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: a listener that panics is reported, and neither the other listener nor the next event notices"
    );
    println!(
        "why: a mistake in one part of a program does not end the parts that follow the same events\n"
    );

    // The default hook would print each panic as well.
    std::panic::set_hook(Box::new(|_| {}));

    let soiree = EventPool::builder()
        .panic_handler(|panic| {
            println!("{} panicked: {}", panic.name.unwrap_or("?"), panic.message);
        })
        .build()?;
    soiree.on_with(
        "image.uploaded",
        ListenerOptions::new().name("thumbnails"),
        |event| {
            let size = event
                .payload_as::<usize>()
                .expect("uploads carry their size");
            println!("thumbnail of {} bytes", *size);
        },
    )?;
    soiree.on("image.uploaded", |_| println!("indexed"))?;

    let report = soiree.emit("image.uploaded", "not a size")?.wait();
    println!(
        "{} of {} listeners failed",
        report.failed(),
        report.delivered()
    );
    for error in report.errors() {
        println!("in the report: {error} (panic: {})", error.is_panic());
    }

    let report = soiree.emit("image.uploaded", 1_024_usize)?.wait();
    println!("the next event succeeds: {}", report.is_ok());
    soiree.close()?;
    Ok(())
}
