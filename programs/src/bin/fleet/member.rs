//! One process of the group: takes orders in, publishes them, and handles its share of all.

use std::io::Read;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use soiree::codec;
use soiree::nats::{Consume, Nats, NatsError, Publish};
use soiree::{Event, EventPool, Outbox, Retry, SqliteStore, TaskPool, WorkerPool};
use soiree_programs::output::say;
use soiree_programs::stop::StopSignal;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::journal::Journal;
use crate::options::MemberOptions;
use crate::order::{Order, PATTERN, by_account};
use crate::outcome::Outcome;

pub(crate) const STREAM: &str = "FLEET";
/// The group: all processes consume by this name.
const GROUP: &str = "billing";
/// More than there are processes: each handles one order of a partition at a time.
pub(crate) const PARTITIONS: u32 = 12;

const DRAIN: Duration = Duration::from_secs(10);
const NOT_DRAINED: u8 = 1;

#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    handled: AtomicU64,
    /// Of these, orders that another process took in.
    elsewhere: AtomicU64,
}

#[derive(Clone)]
struct App {
    index: usize,
    outbox: Outbox,
    nats: Nats,
    counts: Arc<Counts>,
}

pub(crate) async fn run(options: &MemberOptions) -> Outcome<ExitCode> {
    let mut stop = StopSignal::new()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let counts = Arc::<Counts>::default();
    let outbox = outbox(options)?;
    let work = work(options, &counts)?;
    // Starts without a server too.
    let nats = Nats::builder(&options.nats)
        .stream(STREAM)
        .prefix("fleet")
        .codec(PATTERN, codec::Json::<Order>::new())
        .partitions(PARTITIONS)
        .name(format!("fleet-{}", options.index))
        .connect_later()?;
    let retry = Retry::exponential(Duration::from_millis(50), Retry::MAX_ATTEMPTS)
        .max_delay(Duration::from_secs(1));
    let publish = Publish::new(PATTERN).retry(retry).ordered(by_account());
    nats.publish(&outbox, publish)?;
    consume(&nats, &work).await?;
    outbox.start()?;

    say(&format!("http://{}/\n", listener.local_addr()?));
    let app = App {
        index: options.index,
        outbox: outbox.clone(),
        nats: nats.clone(),
        counts,
    };
    let router = Router::new()
        .route("/orders", post(take))
        .route("/status.json", get(status))
        .with_state(app);
    let parent = parent_ends();
    let stopped = async move {
        tokio::select! {
            () = stop.received() => {}
            _ = parent => {}
        }
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await?;

    let bridge = nats.close_async_with_deadline(DRAIN).await;
    let closed = outbox.close_async_with_deadline(DRAIN).await;
    work.close_async_with_deadline(Instant::now() + DRAIN)
        .await?;
    match (bridge, closed) {
        (Ok(()), Ok(())) => Ok(ExitCode::SUCCESS),
        (bridge, closed) => {
            eprintln!("fleet: process {}: {bridge:?}, {closed:?}", options.index);
            Ok(ExitCode::from(NOT_DRAINED))
        }
    }
}

/// What comes in is kept in a file of this process until it is published.
fn outbox(options: &MemberOptions) -> Outcome<Outbox> {
    let publishing = TaskPool::new(Handle::current(), 256, 10_000)?;
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(1, 1_024)?)
        .bulkhead("async", publishing)
        .build()?;
    let file = format!("member-{}.db", options.index);
    let outbox = Outbox::builder(SqliteStore::at(options.data.join(file)))
        .codec(PATTERN, codec::Json::<Order>::new())
        .build(soiree)?;
    Ok(outbox)
}

/// What this process does of the group's work. The stream keeps an order until this has ended.
fn work(options: &MemberOptions, counts: &Arc<Counts>) -> Outcome<EventPool> {
    let journal = Journal::open(&options.data)?;
    let (index, counts) = (options.index, Arc::clone(counts));
    let soiree = EventPool::builder()
        .pool(WorkerPool::new(4, 1_024)?)
        .build()?;
    soiree.on(PATTERN, move |event: &dyn Event| {
        let order = event.payload_as::<Order>().ok_or("it is no order")?;
        journal
            .add(index, &order)
            .map_err(|_| "the journal cannot be written")?;
        counts.handled.fetch_add(1, Relaxed);
        if order.taken_by != index {
            counts.elsewhere.fetch_add(1, Relaxed);
        }
        Ok::<(), &'static str>(())
    })?;
    Ok(soiree)
}

/// Joins the group. A server that ends just then is asked again.
async fn consume(nats: &Nats, work: &EventPool) -> Outcome<()> {
    let retry = Retry::exponential(Duration::from_millis(100), 1_000);
    let group = Consume::durable(GROUP, PATTERN)
        .by_partition()
        .echo(true)
        .ack_wait(Duration::from_secs(2))
        .heartbeat(Duration::from_secs(1))
        .retry(retry);
    loop {
        match nats.consume_async(work, group.clone()).await {
            Ok(()) => return Ok(()),
            Err(NatsError::Request { .. }) => sleep(Duration::from_millis(200)).await,
            Err(error) => return Err(error.into()),
        }
    }
}

/// Ends when the other side of stdin does.
fn parent_ends() -> oneshot::Receiver<()> {
    let (ended, has_ended) = oneshot::channel();
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    has_ended
}

/// `POST /orders`. 202: it is on the disk.
async fn take(State(app): State<App>, Json(mut order): Json<Order>) -> Response {
    order.taken_by = app.index;
    let event = match order.into_event() {
        Ok(event) => event,
        Err(why) => return (StatusCode::BAD_REQUEST, why).into_response(),
    };
    match app.outbox.emit_event_async(event).await {
        Ok(stored) => {
            let is_new = stored.event.is_some_and(|event| !event.is_duplicate);
            app.counts.accepted.fetch_add(is_new.into(), Relaxed);
            (StatusCode::ACCEPTED, Json(json!({ "duplicate": !is_new }))).into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

async fn status(State(app): State<App>) -> Json<Value> {
    let stats = app.nats.stats();
    let sum = |of: fn(&soiree::nats::ConsumerStats) -> u64| -> u64 {
        stats.consumers.iter().map(of).sum()
    };
    Json(json!({
        "accepted": app.counts.accepted.load(Relaxed),
        "handled": app.counts.handled.load(Relaxed),
        "elsewhere": app.counts.elsewhere.load(Relaxed),
        "connected": stats.is_connected,
        "published": stats.published,
        "redelivered": sum(|consumer| consumer.redelivered),
        "dead": sum(|consumer| consumer.dead),
        "error": stats.last_error.as_deref(),
    }))
}
