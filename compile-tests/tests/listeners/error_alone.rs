fn main() {
    let soiree = soiree::EventPool::new();
    let _ = soiree.on("user.*", |_| Err("no address"));
}
