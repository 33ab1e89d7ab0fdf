//! Events that are not accepted, and events that nobody listens to.

use soiree::EventPool;
use soiree_core::{InvalidTopicKind, Overflow, SubmitErrorReason};
use soiree_engine::EmitError;
use soiree_pool::WorkerPool;

use crate::support::{Blocker, CallLog, TestResult};

/// E2
#[test]
fn a_rejected_payload_comes_back_in_the_error() -> TestResult {
    let pool = WorkerPool::builder()
        .max_workers(1)
        .capacity(0)
        .overflow(Overflow::Reject)
        .build()?;
    let soiree = EventPool::with_pool(pool);
    let blocker = Blocker::worker(&soiree);
    let rejected = soiree.emit("t", 1_u8).unwrap_err();
    assert!(matches!(
        rejected,
        EmitError::Rejected {
            source: SubmitErrorReason::Full { capacity: 0 },
            ..
        }
    ));
    assert_eq!(rejected.into_payload().downcast_ref(), Some(&1_u8));
    let invalid = soiree.emit("a.*", 2_u8).unwrap_err();
    let EmitError::InvalidTopic { source, .. } = &invalid else {
        panic!("{invalid}")
    };
    assert_eq!(source.kind, InvalidTopicKind::WildcardInTopic { at: 2 });
    assert_eq!(invalid.into_payload().downcast_ref(), Some(&2_u8));
    blocker.release();
    soiree.close()?;
    let closed = soiree.emit("t", 3_u8).unwrap_err();
    assert!(matches!(closed, EmitError::Closed { .. }));
    assert_eq!(closed.into_payload().downcast_ref(), Some(&3_u8));
    assert!(matches!(
        soiree.emit_sync("t", 4_u8),
        Err(EmitError::Closed { .. })
    ));
    Ok(())
}

/// E2
#[test]
fn an_event_without_listeners_is_no_error_and_the_unheard_event_handler_sees_it() -> TestResult {
    let unheard = CallLog::default();
    let seen = unheard.clone();
    let soiree = EventPool::builder()
        .unheard_event_handler(move |e| seen.record(e.topic()))
        .build()
        .unwrap();
    soiree.on("a.**", |_| {})?;
    let report = soiree.emit("a", ())?.wait();
    assert!(report.is_ok() && report.delivered() == 0);
    soiree.emit_sync("b", ())?;
    soiree.emit_sync("a.b", ())?;
    assert_eq!(unheard.take(), ["a", "b"]);
    Ok(())
}
