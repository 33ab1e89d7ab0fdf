//! Events that async code emits, and events that are received.

use super::chapter::{Chapter, Group, SOIREE, case_ids, comparison};
use crate::case_id::CaseId;
use crate::comparison::Target;

pub(super) fn emitting() -> Chapter {
    let ratio = |workload: &str, peer: &str, target| {
        comparison(
            &format!("{workload}: vs {peer}"),
            CaseId::new(workload, SOIREE),
            case_ids(workload, &[peer]),
            target,
        )
    };
    let group = |workload: &str, peer| Group::new(workload, case_ids(workload, &[SOIREE, peer]));
    Chapter {
        title: "Events from async code",
        about: "`emit_async` to one listener, until the last listener has run. *Room*: from one thread through 2 workers and a queue \
                of 1,024 that is never full; the emissions are kept and waited for in batches of 1,000, as after `emit`. *Full*: 8 \
                tasks on 2 threads of Tokio through one worker and a queue of 64, or through a channel of 64 to one thread that does \
                the listener's work.",
        costs: "A task that finds no room stands in the line of the pool, and in the list of those whom a close rejects with their \
                payloads. The worker that makes room gives it a place and wakes it, in the order of the line. The channel has a \
                semaphore in place of the line, and none of the rest: no emission, handle, report or count. Of a hundred events, one to \
                sixteen find no room, so most of the difference is what an emission costs. Tried without gain: fewer locks and \
                allocations for each wait.",
        groups: vec![
            group("emit-async-room", "emit"),
            group("emit-async-full", "tokio mpsc"),
        ],
        comparisons: vec![
            ratio("emit-async-room", "emit", Target::MaxTimeRatio(1.1)),
            ratio("emit-async-full", "tokio mpsc", Target::MinSpeedup(1.0)),
        ],
    }
}

pub(super) fn receiving() -> Chapter {
    const BROADCAST: &str = "tokio broadcast";
    const ONE_ARC: &str = "crossbeam, one Arc";
    let ours = CaseId::new("inbox", SOIREE);
    let vs = |peer: &str, target| {
        let name = format!("inbox: vs {peer}");
        comparison(&name, ours.clone(), case_ids("inbox", &[peer]), target)
    };
    Chapter {
        title: "Events that are received",
        about: "One thread emits with `emit_sync`, another one receives from an inbox of 1,024, which makes the emitter wait while it \
                is full. So does the bare channel, which sends one `Arc`. The sender of the broadcast never waits: what its receiver \
                misses counts as received.",
        costs: "Each event is copied, as the inbox may keep it for longer than its emission lasts: one allocation for the payload and \
                its ID, which is made when somebody asks for it, and one for the copy; the receiver frees both. The lock of the inbox \
                goes to and fro between two processors: both sides pause where they find it taken. Tried without gain: shorter and \
                longer pauses on either side, and the lock apart from all else in memory.",
        groups: vec![Group::new(
            "inbox",
            case_ids("inbox", &[SOIREE, BROADCAST, ONE_ARC]),
        )],
        comparisons: vec![
            vs(BROADCAST, Target::MinSpeedup(1.0)),
            vs(ONE_ARC, Target::MinSpeedup(0.7)),
        ],
    }
}
