//! The event pool: what follows when an order was placed.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use soiree::{
    BoxError, EventPool, Jitter, ListenerOptions, Priority, Retry, SubscribeError, TaskPool,
    WhenPoolFull, WorkerPool,
};
use tokio::runtime::Handle;
use tracing::{info, warn};

use crate::calls::{self, BlockingClient, CallError};
use crate::options::Options;
use crate::order::{ORDER_PLACED, Order};
use crate::provider::Provider;
use crate::tally::Tally;

const FIRST_DELAY: Duration = Duration::from_millis(20);
const ATTEMPTS: u32 = 4;
/// Calls that async listeners have in flight at once.
const IN_FLIGHT: usize = 16;

pub(crate) fn build(
    options: &Options,
    provider: Provider,
    tally: &Arc<Tally>,
) -> Result<EventPool, Box<dyn Error>> {
    let (workers, queue) = (options.workers, options.queue);
    let named = |error: &dyn Error| format!("--workers {workers} --queue {queue}: {error}");
    let payments = WorkerPool::new(workers, queue).map_err(|error| named(&error))?;
    let tasks = TaskPool::new(Handle::current(), IN_FLIGHT, queue);
    let letters = Arc::clone(tally);
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(2, queue)?)
        .bulkhead("payments", payments)
        .bulkhead("async", tasks.map_err(|error| named(&error))?)
        // `tracing` has logged the error. Without this handler it would be printed once more.
        .error_handler(|_, error| Some(error))
        .dead_letter_handler(move |letter| {
            letters.dead_letter();
            if let Some(order) = letter.payload.get::<Order>() {
                warn!("order {}: given up {letter}", order.number);
            }
        })
        .observer(Arc::clone(tally))
        .build()?;
    subscribe(&soiree, options, provider)?;
    Ok(soiree)
}

fn subscribe(
    soiree: &EventPool,
    options: &Options,
    provider: Provider,
) -> Result<(), SubscribeError> {
    let named = |name: &str| ListenerOptions::new().name(name);
    let retry = Retry::exponential(FIRST_DELAY.min(options.delay), ATTEMPTS)
        .max_delay(options.delay)
        .jitter(Jitter::Equal)
        .when(calls::is_transient);

    let log = named("log").priority(Priority::High);
    ORDER_PLACED.on_with(soiree, log, |order, _| {
        info!("order {}: {}", order.number, order.json())
    })?;

    // Without a place in `payments`, the order is not accepted: the handler answers 429. The client has a time limit of its own, as
    // a thread cannot be stopped; that of the listener is for a client that does not keep to it.
    let charge = named("charge")
        .pool("payments")
        .when_full(WhenPoolFull::Required)
        .timeout(2 * options.timeout)
        .retry(retry.clone());
    let bank = BlockingClient::new(provider.address, options.timeout);
    ORDER_PLACED.on_with(
        soiree,
        charge,
        move |order, event| -> Result<(), BoxError> {
            let called = bank.post("/charge", &order.json().to_string());
            called.map_err(CallError::advised)?;
            let (number, attempt) = (order.number, event.attempt());
            info!("order {number}: charged at attempt {attempt}");
            Ok(())
        },
    )?;

    // That a partner is slow holds up no order: the calls wait for a place. When the time is up, the future is dropped, and its
    // connection with it.
    let notify = named("notify")
        .when_full(WhenPoolFull::Wait)
        .timeout(options.timeout)
        .retry(retry);
    ORDER_PLACED.on_async_with(soiree, notify, move |order, event| async move {
        let called = calls::post(provider.address, "/notify", order.json().to_string()).await;
        called.map_err(CallError::advised)?;
        let (number, attempt) = (order.number, event.attempt());
        info!("order {number}: notified at attempt {attempt}");
        Ok::<(), BoxError>(())
    })?;
    Ok(())
}
