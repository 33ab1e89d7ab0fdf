//! An `EventPool` on a pool of your own.

#[path = "../crates/soiree/docs/fresh_threads.rs"]
mod pool;

use soiree::EventPool;
use soiree::pool::PoolOptions;

use crate::pool::FreshThreads;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: an event pool on threads that the program makes itself, a new one for each job"
    );
    println!(
        "why: `BoundedPool` adds limits, statistics and an orderly close, so such a pool takes thirty lines\n"
    );

    let threads = FreshThreads::new(PoolOptions::new(2, 16).name("fresh"))?;
    threads.submit_and_wait(|| println!("a plain job"))?;

    let soiree = EventPool::with_pool(threads);
    soiree.on("report.*", |event| println!("heard: {}", event.topic()))?;
    for name in ["report.daily", "report.weekly"] {
        soiree.emit(name, ())?.wait();
    }
    soiree.close()?;
    println!("jobs run: {}", soiree.pool_stats().completed());
    Ok(())
}
