//! Listeners on the caller's thread, and the registry that finds them.

mod common;

fn main() {
    common::measure(&["sync-", "hot-", "spread-", "stars-", "subscribe-"]);
}
