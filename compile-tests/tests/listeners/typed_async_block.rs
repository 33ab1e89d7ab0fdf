const PAID: soiree::TypedTopic<u64> = soiree::TypedTopic::new("order.paid");

fn main() {
    let soiree = soiree::EventPool::new();
    let _ = PAID.on(&soiree, |cents| async move { println!("{cents}") });
}
