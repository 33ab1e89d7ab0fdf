//! Typed topics in async code.

use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use soiree::{
    EventPool, InboxOptions, Payload, Received, Soiree, TaskPool, TypedPattern, TypedTopic,
    WorkerPool, WrongPayload,
};

const PAID: TypedTopic<u64> = TypedTopic::new("order.paid");
const ANY: TypedPattern<u64> = TypedPattern::new("order.*");

fn with_tasks() -> (EventPool, tokio::runtime::Runtime) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).build().unwrap();
    let tasks = TaskPool::new(runtime.handle().clone(), 4, 16).unwrap();
    let builder = EventPool::builder().pool(WorkerPool::new(1, 1).unwrap());
    (builder.bulkhead("async", tasks).build().unwrap(), runtime)
}

/// A1, A6: typed listeners that are async get the payload; another type is an error that says so.
#[test]
fn typed_async_listeners_get_the_payload() {
    let (soiree, _runtime) = with_tasks();
    let sum = Arc::new(AtomicU64::new(0));
    let adds = Arc::clone(&sum);
    let add = move |number: soiree::PayloadRef<u64>| {
        let adds = Arc::clone(&adds);
        async move {
            tokio::task::yield_now().await;
            adds.fetch_add(*number, Ordering::SeqCst);
        }
    };
    PAID.on_async(&soiree, add.clone()).unwrap();
    let options = soiree::Priority::High;
    ANY.on_async_with(&soiree, options, move |number, event| {
        assert_eq!(event.topic(), "order.paid");
        add(number)
    })
    .unwrap();
    pollster::block_on(async {
        let report = PAID.emit_async(&soiree, 7).await.unwrap().await;
        assert_eq!((report.delivered(), report.is_ok()), (2, true));
        assert_eq!(sum.load(Ordering::SeqCst), 14);
        let report = soiree.emit_async("order.paid", "7").await.unwrap().await;
        assert_eq!(report.failed(), 2);
        assert!(report.errors()[0].downcast_ref::<WrongPayload>().is_some());
        soiree.close_async().await.unwrap();
        let rejected = PAID.emit_async(&soiree, 7).await.unwrap_err();
        assert_eq!(rejected.into_payload().unwrap(), 7);
    });
}

/// L5: once is once.
#[test]
fn a_typed_listener_for_one_event_is_called_once() {
    let (soiree, _runtime) = with_tasks();
    let sum = Arc::new(AtomicU64::new(0));
    let adds = Arc::clone(&sum);
    PAID.on_once(&soiree, move |number| {
        adds.fetch_add(*number, Ordering::SeqCst);
    })
    .unwrap();
    for number in [1, 2] {
        PAID.emit_sync(&soiree, number).unwrap();
    }
    assert_eq!(sum.load(Ordering::SeqCst), 1);
    soiree.close().unwrap();
}

/// A3, E2: a rejected payload comes back as what it is.
#[test]
fn a_rejected_payload_comes_back_with_its_type() {
    /// No handle to it can be cloned into another one.
    struct Ticket(u64);
    const SOLD: TypedTopic<Ticket> = TypedTopic::new("ticket.sold");
    let soiree = EventPool::with_pool(WorkerPool::new(1, 1).unwrap());
    let (open, opened) = std::sync::mpsc::channel::<()>();
    let opened = std::sync::Mutex::new(opened);
    let block = move |_: &Ticket| {
        let _ = opened.lock().unwrap().recv();
    };
    SOLD.on(&soiree, block).unwrap();
    let rejected = (0..).find_map(|number| SOLD.try_emit(&soiree, Ticket(number)).err());
    let rejected = rejected.unwrap();
    assert!(rejected.is_full() && rejected.error().pool() == Some("default"));
    let ticket: Ticket = rejected.into_payload().ok().unwrap();
    assert!(ticket.0 >= 2);
    drop(open);
    soiree.close().unwrap();
}

/// A1, A4, A5: a topic of any payload is one for async listeners, inboxes and waits as well.
#[test]
fn a_topic_of_any_payload_carries_every_type() {
    const ANYTHING: TypedPattern<Payload> = TypedPattern::new("order.*");
    let (soiree, _runtime) = with_tasks();
    let inbox = ANYTHING.inbox(&soiree, InboxOptions::new(4)).unwrap();
    let wait = ANYTHING.wait_for(&soiree);
    let sum = Arc::new(AtomicU64::new(0));
    let adds = Arc::clone(&sum);
    let add = move |payload: soiree::PayloadRef<Payload>| {
        let adds = Arc::clone(&adds);
        async move {
            let number = payload.downcast_ref::<u64>();
            adds.fetch_add(number.copied().unwrap_or(100), Ordering::SeqCst);
        }
    };
    ANYTHING.on_async(&soiree, add).unwrap();
    assert!(PAID.emit(&soiree, 7).unwrap().wait().is_ok());
    assert!(soiree.emit("order.paid", "text").unwrap().wait().is_ok());
    assert_eq!(sum.load(Ordering::SeqCst), 107);
    assert_eq!(wait.wait().unwrap().downcast_ref(), Some(&7_u64));
    let mut types = Vec::new();
    while let Ok(Received::Event(payload)) = inbox.try_recv() {
        types.push(payload.type_name());
    }
    assert_eq!(types, ["u64", "&str"]);
    soiree.close().unwrap();
}

/// A1: what typed topics return in async code can be moved to another thread, also through `dyn Soiree`.
#[test]
fn futures_of_typed_topics_and_trait_objects_are_send() {
    fn is_send<F: Future + Send>(future: F) -> F {
        future
    }
    let soiree = EventPool::with_pool(WorkerPool::new(1, 1).unwrap());
    let object: &dyn Soiree = &soiree;
    pollster::block_on(async {
        let inbox = PAID.inbox(object, InboxOptions::new(1)).unwrap();
        let wait = PAID.wait_for(object);
        let emission = is_send(PAID.emit_async(object, 7)).await.unwrap();
        assert!(is_send(emission.into_future()).await.is_ok());
        assert!(is_send(inbox.recv_async()).await.is_ok());
        assert!(is_send(wait.into_future()).await.is_ok());
        assert!(is_send(soiree.drain_bulkhead_async("none")).await.is_err());
        is_send(object.close_async()).await.unwrap();
    });
}
