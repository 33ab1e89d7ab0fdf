//! Events through a pool.

mod common;

fn main() {
    common::measure(&["emit-"]);
}
