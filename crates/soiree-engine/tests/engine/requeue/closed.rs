//! A close that does not wait leaves nothing behind that waits for a pool.

use std::sync::Arc;
use std::time::Instant;

use soiree::EventPool;
use soiree_core::{Job, ListenerErrorKind, ListenerOptions, Pool, WhenPoolFull};
use soiree_testkit::{ManualPool, ManualTimer};

use crate::support::PlainPool;

/// E4, E7: a call that finds its pool full after a close ends at once, and is reported: no time has to pass for that.
#[test]
fn a_call_that_would_begin_to_wait_after_a_close_is_reported_at_once() {
    let (timer, first) = (ManualTimer::new(), ManualPool::new());
    let mail = ManualPool::with_capacity(1);
    let builder = EventPool::builder().pool(Arc::new(first.clone()));
    let builder = builder.bulkhead("mail", Arc::new(PlainPool(mail.clone())));
    let soiree = builder.timer(timer.clone()).build().unwrap();
    let options = ListenerOptions::new().pool("mail");
    soiree
        .on_with("a", options.when_full(WhenPoolFull::Wait), |_| {})
        .unwrap();
    let emission = soiree.emit("a", ()).unwrap();
    mail.try_submit(Job::new(|| ())).unwrap();
    soiree.close_with_deadline(Instant::now()).unwrap_err();
    assert_eq!(first.run_all(), 1);
    assert_eq!(timer.pending(), 0);
    assert!(emission.is_finished());
    let report = emission.wait();
    assert_eq!((report.delivered(), report.not_called()), (0, 1));
    assert_eq!(report.errors()[0].kind(), ListenerErrorKind::Rejected);
    assert_eq!(soiree.stats().waiting.total(), mail.stats().waiting);
}
