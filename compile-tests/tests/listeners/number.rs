fn main() {
    let soiree = soiree::EventPool::new();
    let _ = soiree.on("user.*", |event| event.topic().len());
}
