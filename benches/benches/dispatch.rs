//! Calls listeners on the caller's thread, and finds them in the registry.

mod criterion_runner;

fn main() {
    criterion_runner::run(&["sync-", "hot-", "spread-", "wildcards-", "subscribe-"]);
}
