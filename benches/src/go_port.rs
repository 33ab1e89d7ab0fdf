//! An event pool as a literal port of Go code has it: a box for each job, an `Arc` for each event and for the listeners of each
//! topic, a channel for the errors of each emit, a token for each running job, and counters that all threads share.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::listener::{BoxError, PlainEvent, PlainListener};

/// How many errors of one emit may wait to be received.
const ERRORS: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

struct Event {
    topic: String,
    payload: Box<dyn Any + Send + Sync>,
}

struct Topic {
    listeners: RwLock<Vec<PlainListener>>,
}

#[derive(Default)]
struct Counters {
    submitted: AtomicU64,
    active: AtomicU64,
    completed: AtomicU64,
}

/// Topics, and a pool with a queue of jobs and a channel of tokens. A worker takes a token to run a job, and returns it.
pub(crate) struct GoPort {
    topics: Arc<RwLock<HashMap<String, Arc<Topic>>>>,
    jobs: Sender<Job>,
    counters: Arc<Counters>,
}

impl GoPort {
    pub(crate) fn new(workers: usize, capacity: usize) -> Self {
        let (sender, receiver) = bounded::<Job>(capacity);
        let (token_sender, token_receiver) = bounded::<()>(workers);
        (0..workers).for_each(|_| token_sender.send(()).expect("the channel has room"));
        let counters = Arc::<Counters>::default();
        for _ in 0..workers {
            let (jobs, counters) = (receiver.clone(), Arc::clone(&counters));
            let (token_sender, token_receiver) = (token_sender.clone(), token_receiver.clone());
            thread::spawn(move || {
                for job in jobs.iter() {
                    token_receiver.recv().expect("the channel is open");
                    counters.active.fetch_add(1, Ordering::SeqCst);
                    job();
                    counters.active.fetch_sub(1, Ordering::SeqCst);
                    counters.completed.fetch_add(1, Ordering::SeqCst);
                    token_sender.send(()).expect("the channel is open");
                }
            });
        }
        Self {
            topics: Arc::default(),
            jobs: sender,
            counters,
        }
    }

    pub(crate) fn on(&self, topic: &str, listener: PlainListener) {
        let mut topics = self.topics.write().unwrap_or_else(PoisonError::into_inner);
        let topic = topics.entry(topic.into()).or_insert_with(|| {
            Arc::new(Topic {
                listeners: RwLock::default(),
            })
        });
        let mut listeners = topic
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.push(listener);
    }

    /// Returns a channel with the errors of the listeners. The channel closes after all listeners were called.
    pub(crate) fn emit<T: Any + Send + Sync>(&self, topic: &str, payload: T) -> Receiver<BoxError> {
        let (sender, errors) = bounded(ERRORS);
        let event = Arc::new(Event {
            topic: topic.into(),
            payload: Box::new(payload),
        });
        let topics = Arc::clone(&self.topics);
        self.counters.submitted.fetch_add(1, Ordering::SeqCst);
        self.jobs
            .send(Box::new(move || call_listeners(&topics, &event, &sender)))
            .expect("the workers are running");
        errors
    }
}

fn call_listeners(
    topics: &RwLock<HashMap<String, Arc<Topic>>>,
    event: &Arc<Event>,
    errors: &Sender<BoxError>,
) {
    let topics = topics.read().unwrap_or_else(PoisonError::into_inner);
    let Some(topic) = topics.get(&event.topic).cloned() else {
        return;
    };
    drop(topics);
    let listeners = topic
        .listeners
        .read()
        .unwrap_or_else(PoisonError::into_inner);
    let event = PlainEvent {
        topic: &event.topic,
        payload: &*event.payload,
    };
    for listener in listeners.iter() {
        if let Err(error) = listener(&event) {
            // Fails if the caller of `emit` dropped the receiver, and so does not want the errors.
            let _ = errors.send(error);
        }
    }
}
