//! Async listeners: many wait at once on few threads. The bulkhead limits how many are in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use soiree::{CloseError, EventPool, ListenerOptions, Retry, TaskPool};
use tokio::runtime::{Builder, Handle};
use tokio::time::sleep;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "shows: 500 futures on two threads, at most 50 at once; one is retried, and one is cancelled by the close"
    );
    println!(
        "why: a listener that waits for another server holds no thread meanwhile, and still cannot flood that server\n"
    );

    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_time().build()?;
    runtime.block_on(deliver())
}

async fn deliver() -> Result<(), Box<dyn std::error::Error>> {
    // At most 50 calls to other servers in flight, and at most 1,000 that wait to start.
    let soiree = EventPool::builder()
        .bulkhead("async", TaskPool::new(Handle::current(), 50, 1_000)?)
        .build()?;

    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (calls, highest) = (Arc::clone(&now), Arc::clone(&most));
    soiree.on_async("webhook.*", move |_| {
        let (calls, highest) = (Arc::clone(&calls), Arc::clone(&highest));
        async move {
            highest.fetch_max(calls.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Stands for a call to another server.
            sleep(Duration::from_millis(20)).await;
            calls.fetch_sub(1, Ordering::SeqCst);
        }
    })?;
    let mut emissions = Vec::new();
    for number in 0..500 {
        emissions.push(soiree.emit("webhook.push", number)?);
    }
    let mut delivered = 0;
    for emission in emissions {
        delivered += emission.await.delivered();
    }
    let most = most.load(Ordering::SeqCst);
    println!("delivered: {delivered}");
    println!("most in flight at once: {most}");

    // Priorities, filters and retries work as for any listener.
    let retry = Retry::fixed(Duration::from_millis(10), 3);
    let options = ListenerOptions::new().name("mailer").retry(retry);
    soiree.on_async_with("mail.queued", options, |event| async move {
        match event.attempt() {
            1 | 2 => Err("the server is busy"),
            attempt => {
                let to = event.payload_as::<&str>().ok_or("no address")?;
                println!("mail to {} at attempt {attempt}", *to);
                Ok(())
            }
        }
    })?;
    soiree.emit("mail.queued", "matty@example.org")?.await;

    // A close cancels futures that have not ended by its deadline. Their reports say so.
    soiree.on_async("poll.forever", |_| std::future::pending::<()>())?;
    let forever = soiree.emit("poll.forever", ())?;
    while soiree
        .stats()
        .get("async")
        .is_some_and(|pool| pool.active == 0)
    {
        tokio::task::yield_now().await;
    }
    // `close` blocks, so it runs on a thread that polls no futures.
    let closing = soiree.clone();
    let deadline = Instant::now() + Duration::from_millis(50);
    let closed = tokio::task::spawn_blocking(move || closing.close_with_deadline(deadline)).await?;
    if let Err(CloseError::DrainTimeout { emissions, .. }) = closed {
        println!("left at the deadline: {emissions}");
    }
    println!("{:?}", forever.await.errors()[0].kind());
    Ok(())
}
