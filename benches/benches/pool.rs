//! Jobs on a pool.

mod common;

fn main() {
    common::measure(&["tiny-jobs-", "idle-pool"]);
}
