//! Listeners on the caller's thread, and the registry that finds them.

mod criterion_runner;

fn main() {
    criterion_runner::run(&["sync-", "hot-", "spread-", "stars-", "subscribe-"]);
}
