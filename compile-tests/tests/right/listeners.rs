use soiree::{Event, EventPool, Listener, Priority};

struct Audit;

impl Listener for Audit {
    fn handle(&self, event: &dyn Event) -> soiree::Result {
        println!("{}", event.topic());
        Ok(())
    }
}

fn named(event: &dyn Event) -> Result<(), std::fmt::Error> {
    println!("{}", event.topic());
    Ok(())
}

fn main() -> soiree::Result {
    let soiree = EventPool::new();
    soiree.listen("user.*", Audit)?;
    soiree.listen_with("user.*", Priority::High, Audit)?;
    soiree.on("user.*", named)?;
    soiree.on("user.*", |event| println!("{}", event.topic()))?;
    soiree.on("user.*", |event| {
        let number: u32 = event.topic().len().try_into()?;
        println!("{number}");
        soiree::ok()
    })?;
    soiree.close()?;
    soiree::ok()
}
