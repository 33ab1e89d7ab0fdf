//! The queues of turns, compared with a naive model.

use proptest::prelude::*;
use soiree_core::LimitedBy;

use super::*;
use crate::emission::helping::PendingWork;

/// A call that notes what becomes of it.
#[derive(Default)]
struct Noted {
    submitted: AtomicUsize,
    ended: AtomicUsize,
}

impl TurnWork for Noted {
    fn submit(self: Arc<Self>) {
        self.submitted.fetch_add(1, Ordering::SeqCst);
    }

    fn end_unrun(self: Arc<Self>) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    fn notify(&self) {}

    fn into_pending(self: Arc<Self>) -> Arc<dyn PendingWork> {
        unreachable!("nothing waits for it")
    }
}

fn key(number: u8) -> TurnKey {
    TurnKey {
        registration: 1,
        by: LimitedBy::Key(number.into()),
    }
}

/// What a call in the naive model has done.
struct Modelled {
    key: u8,
    id: u64,
    noted: Arc<Noted>,
    is_ready: bool,
    /// It has its turn and is ready: once, and not before.
    runs: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Enter(u8),
    Ready(usize),
    Leave(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..3_u8).prop_map(Step::Enter),
        4 => (0..16_usize).prop_map(Step::Ready),
        3 => (0..16_usize).prop_map(Step::Leave),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// W5: whatever calls come, get ready and leave, those have their turn that stand first in one list of all calls of their key,
    /// up to the limit; each is submitted once, when it is ready and has its turn.
    #[test]
    fn the_first_calls_of_each_key_have_their_turn(steps in steps(), limit in 1..4_usize) {
        let queues = TurnQueues::new();
        let mut model: Vec<Modelled> = Vec::new();
        for step in steps {
            match step {
                Step::Enter(number) => {
                    let (id, has_turn) = queues.enter(&key(number), limit, None);
                    let before = model.iter().filter(|call| call.key == number).count();
                    prop_assert_eq!(has_turn, before < limit);
                    model.push(Modelled {
                        key: number,
                        id,
                        noted: Arc::default(),
                        is_ready: false,
                        runs: false,
                    });
                }
                Step::Ready(at) => {
                    let Some(call) = model.get_mut(at).filter(|call| !call.is_ready) else {
                        continue;
                    };
                    call.is_ready = true;
                    let work = Arc::clone(&call.noted) as Arc<dyn TurnWork>;
                    if let (Admission::Now, _) = queues.ready(&key(call.key), call.id, work) {
                        call.runs = true;
                    }
                }
                Step::Leave(at) if at < model.len() => {
                    let call = model.remove(at);
                    for next in queues.leave(&key(call.key), call.id, limit).next {
                        next.submit();
                    }
                }
                Step::Leave(_) => {}
            }
            let mut waiting = 0;
            for number in 0..3 {
                let of_key = model.iter_mut().filter(|call| call.key == number);
                for (place, call) in of_key.enumerate() {
                    let has_turn = place < limit;
                    prop_assert_eq!(queues.has_turn(&key(number), call.id), has_turn);
                    let submitted = call.noted.submitted.load(Ordering::SeqCst);
                    prop_assert_eq!(submitted + usize::from(call.runs), usize::from(has_turn && call.is_ready));
                    waiting += usize::from(call.is_ready && !has_turn);
                }
            }
            prop_assert_eq!(queues.waiting(), waiting);
        }
    }
}

/// W5, E4: a close gives up the calls that wait, and no other; later ones do not wait.
#[test]
fn a_close_gives_up_what_waits() {
    let queues = TurnQueues::new();
    let calls: Vec<Arc<Noted>> = (0..3).map(|_| Arc::default()).collect();
    let ids: Vec<u64> = calls
        .iter()
        .map(|_| queues.enter(&key(1), 1, None).0)
        .collect();
    for at in [0, 1] {
        queues.ready(&key(1), ids[at], Arc::clone(&calls[at]) as _);
    }
    assert_eq!(queues.waiting(), 1);
    queues.give_up();
    assert_eq!(queues.waiting(), 0);
    let ended = calls.iter().map(|call| call.ended.load(Ordering::SeqCst));
    assert!(ended.eq([0, 1, 0]));
    let (late, _) = queues.ready(&key(1), ids[2], Arc::clone(&calls[2]) as _);
    assert!(matches!(late, Admission::Closed));
}

/// W5, T3: keys without calls leave no memory behind.
#[test]
fn keys_without_calls_leave_no_memory() {
    let queues = TurnQueues::new();
    let key = |number: u32| TurnKey {
        registration: 1,
        by: LimitedBy::Key(number.into()),
    };
    let ids: Vec<u64> = (0..10_000)
        .map(|number| queues.enter(&key(number), 1, None).0)
        .collect();
    let capacities = || queues.shards.iter().map(|shard| lock(shard).capacity());
    assert!(capacities().all(|capacity| capacity > 500));
    for (number, id) in (0..).zip(ids) {
        queues.leave(&key(number), id, 1);
    }
    assert!(capacities().all(|capacity| capacity <= KEPT_CAPACITY));
    assert!(queues.shards.iter().all(|shard| lock(shard).is_empty()));
}
