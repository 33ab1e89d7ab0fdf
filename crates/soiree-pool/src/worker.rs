//! The life of a worker.

use soiree_core::Job;

use crate::counters::{End, Slot};
use crate::seats::Seat;
use crate::shared::{OPEN, Permit, STOPPING, Shared};
use crate::sync::{Arc, Ordering, Select};

pub(crate) fn work(shared: &Arc<Shared>, _seat: Seat, first: Option<Job>) {
    let _entered = shared.nesting.enter_worker();
    let slot = shared.counters.slot();
    let mut next = first;
    loop {
        if let Some(job) = next.take() {
            if shared.state() == STOPPING {
                shared.discard(job);
            } else if shared.must_leave() {
                let _ = shared.returned.0.send(job);
                if shared.depart(None) {
                    return;
                }
            } else {
                run(shared, &slot, job);
            }
        }
        match find(shared) {
            Found::Job(job) => next = Some(job),
            Found::Nothing => {}
            Found::End => return,
        }
    }
}

fn run(shared: &Shared, slot: &Slot<'_>, job: Job) {
    slot.begin();
    let outcome = job.run();
    slot.end(End::from(&outcome));
    shared.tell_panic(&outcome);
}

enum Found {
    Job(Job),
    Nothing,
    End,
}

/// Finds something to do, or out that there is nothing more to do; waits in between.
fn find(shared: &Arc<Shared>) -> Found {
    let end_if = |departs| if departs { Found::End } else { Found::Nothing };
    if shared.must_leave() {
        return end_if(shared.depart(None));
    }
    if let Ok(job) = shared.returned.1.try_recv() {
        return Found::Job(job);
    }
    let state = shared.state();
    if let Ok(job) = shared.jobs.1.try_recv() {
        return Found::Job(job);
    }
    if state != OPEN {
        return end_if(shared.depart(Some(Permit)));
    }
    let mut select = Select::new();
    let jobs = select.recv(&shared.jobs.1);
    let returned = select.recv(&shared.returned.1);
    let looks = select.recv(&shared.looks.1);
    shared.idle.fetch_add(1, Ordering::SeqCst);
    // A resize that did not see this worker idle has not told it to look.
    if shared.excess.load(Ordering::SeqCst) > 0 {
        shared.idle.fetch_sub(1, Ordering::SeqCst);
        return Found::Nothing;
    }
    let ready = if shared.live() > shared.min_workers {
        select.select_timeout(shared.idle_timeout).ok()
    } else {
        Some(select.select())
    };
    let found = match ready {
        Some(ready) if ready.index() == jobs => ready.recv(&shared.jobs.1).ok(),
        Some(ready) if ready.index() == returned => ready.recv(&shared.returned.1).ok(),
        Some(ready) => {
            debug_assert_eq!(ready.index(), looks);
            let _ = ready.recv(&shared.looks.1);
            shared.idle.fetch_sub(1, Ordering::SeqCst);
            return Found::Nothing;
        }
        None => {
            shared.idle.fetch_sub(1, Ordering::SeqCst);
            return end_if(shared.depart_if_above_min());
        }
    };
    shared.idle.fetch_sub(1, Ordering::SeqCst);
    // Submitters that counted on this worker while it was idle did not start another one.
    shared.grow_if_wanted();
    found.map_or(Found::Nothing, Found::Job)
}
