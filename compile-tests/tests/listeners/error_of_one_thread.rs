use std::error::Error;

fn send() -> Result<(), Box<dyn Error>> {
    Ok(())
}

fn main() {
    let soiree = soiree::EventPool::new();
    let _ = soiree.on("user.*", |_| send());
}
