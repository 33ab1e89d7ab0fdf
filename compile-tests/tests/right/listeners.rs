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

fn of_one_thread() -> Result<(), Box<dyn std::error::Error>> {
    Err("no address".into())
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
    soiree.on("user.*", |_| Err::<(), _>("no address"))?;
    soiree.on("user.*", |_| {
        of_one_thread().map_err(|error| error.to_string())?;
        soiree::ok()
    })?;
    soiree.close()?;
    soiree::ok()
}
