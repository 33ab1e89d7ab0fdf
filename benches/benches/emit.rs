//! Emits events through a pool.

mod criterion_runner;

fn main() {
    criterion_runner::run(&["emit-"]);
}
