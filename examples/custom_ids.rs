//! UUIDs instead of ULIDs, for listeners and events.

use soiree::{BaseEvent, EventPool};
use uuid::Uuid;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: UUIDs as the IDs of listeners and events, and a property that goes with an event"
    );
    println!(
        "why: with IDs of your own, an event can be found in the logs of every system that it passes\n"
    );

    let soiree = EventPool::builder()
        .id_generator(|| Uuid::new_v4().hyphenated().to_string())
        .build()?;

    let listener = soiree.on("order.shipped", |event| {
        println!("event: {}", Uuid::from_u128(event.id().into()));
        println!("request: {:?}", event.properties().get("request"));
    })?;
    let parsed: Uuid = listener.as_str().parse()?;
    println!("listener: a UUID of version {}", parsed.get_version_num());

    let id = Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8);
    let event = BaseEvent::new("order.shipped", 17_u64)
        .with_id(id.as_u128())
        .with_property("request", "r-17");
    let report = soiree.emit_event(event)?.wait();
    println!("listeners called: {}", report.delivered());

    soiree.off("order.shipped", &listener)?;
    soiree.close()?;
    Ok(())
}
