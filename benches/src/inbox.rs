//! Events that one thread emits and another one receives.

use std::hint::black_box;
use std::sync::Arc;
use std::thread;

use soiree::{EventPool, InboxOptions, Received, WhenFull};

use crate::case::Case;
use crate::listener::TOPIC;
use crate::measure::measure;
use crate::pools::CAPACITY;
use crate::sample::Sample;

pub(crate) fn cases() -> Vec<Case> {
    let cases = vec![
        Case::new("inbox", "soiree", inbox).threaded(),
        Case::new("inbox", "crossbeam, one Arc", crossbeam).threaded(),
    ];
    #[cfg(feature = "peers")]
    let cases = {
        let peer = Case::new("inbox", "tokio broadcast", broadcast).threaded();
        cases.into_iter().chain([peer]).collect()
    };
    cases
}

/// Sends on this thread, and receives on another one.
fn transfer(ops: u64, send: impl Fn(u64), receive: impl FnOnce() + Send) -> Sample {
    measure(ops, || {
        thread::scope(|scope| {
            scope.spawn(receive);
            (0..ops).for_each(send);
        });
    })
}

fn inbox() -> impl FnMut(u64) -> Sample {
    let soiree = EventPool::new();
    let options = InboxOptions::new(CAPACITY).when_full(WhenFull::Block);
    let inbox = soiree.inbox(TOPIC, options).expect("the topic is valid");
    move |ops| {
        let send = |payload: u64| {
            let emitted = soiree.emit_sync(black_box(TOPIC), payload);
            assert!(emitted.is_ok(), "the event pool is open");
        };
        transfer(ops, send, || {
            for payload in 0..ops {
                let Ok(Received::Event(event)) = inbox.recv() else {
                    panic!("an event was missed");
                };
                assert_eq!(event.payload_as::<u64>().as_deref(), Some(&payload));
            }
        })
    }
}

fn crossbeam() -> impl FnMut(u64) -> Sample {
    let (sender, receiver) = crossbeam_channel::bounded(CAPACITY);
    move |ops| {
        let send = |payload: u64| {
            let sent = sender.send(Arc::new(payload));
            sent.expect("the receiver is there");
        };
        transfer(ops, send, || {
            for payload in 0..ops {
                assert_eq!(receiver.recv().as_deref(), Ok(&payload));
            }
        })
    }
}

/// Its sender never waits: a receiver that is too slow misses the oldest ones, which count here as if it had received them.
#[cfg(feature = "peers")]
fn broadcast() -> impl FnMut(u64) -> Sample {
    use tokio::sync::broadcast::{channel, error::RecvError};

    let (sender, mut receiver) = channel(CAPACITY);
    move |ops| {
        let send = |payload: u64| {
            let sent = sender.send(Arc::new(payload));
            assert_eq!(sent.ok(), Some(1), "the receiver is there");
        };
        transfer(ops, send, || {
            let mut received = 0;
            while received < ops {
                received += match receiver.blocking_recv() {
                    Ok(payload) => {
                        assert_eq!(*payload, received);
                        1
                    }
                    Err(RecvError::Lagged(missed)) => missed,
                    Err(RecvError::Closed) => unreachable!("the sender is there"),
                };
            }
        })
    }
}
