struct Audit;

impl soiree::Listener for Audit {
    fn handle(&self, event: &dyn soiree::Event) -> soiree::Result {
        println!("{}", event.topic());
        Ok(())
    }
}

fn main() {
    let soiree = soiree::EventPool::new();
    let _ = soiree.on("user.*", Audit);
}
