//! Wakers of tasks that wait for a place: code of the user's.

use std::sync::{Arc, Mutex, Weak};
use std::task::{Wake, Waker};
use std::thread;

use soiree_core::Reserve;

use crate::common::{Latch, Order, assert_at_rest, in_time, until};
use crate::polled::{Polled, builder, poll};
use soiree_pool::{Pool, WorkerPool};

/// What a waker does that is not friendly.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hostile {
    Panics,
    Submits,
    Stops,
    DropsItsTask,
}

struct HostileWaker {
    hostile: Hostile,
    pool: Weak<WorkerPool>,
    task: Mutex<Option<Reserve>>,
}

impl Wake for HostileWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let pool = self.pool.upgrade();
        match self.hostile {
            Hostile::Panics => panic!("the waker"),
            Hostile::Submits => pool.into_iter().for_each(|pool| {
                let _ = pool.submit_and_wait(|| {});
            }),
            Hostile::Stops => pool.into_iter().for_each(|pool| pool.stop()),
            Hostile::DropsItsTask => drop(self.task.lock().unwrap().take()),
        }
    }
}

impl Drop for HostileWaker {
    fn drop(&mut self) {
        if self.hostile == Hostile::Panics && !thread::panicking() {
            panic!("the waker's Drop");
        }
    }
}

/// E8: whatever wakers do, the worker that wakes them lives, and those behind them are served.
#[test]
fn hostile_wakers_harm_nobody_else() {
    for hostile in [
        Hostile::Panics,
        Hostile::Submits,
        Hostile::Stops,
        Hostile::DropsItsTask,
    ] {
        let pool = Arc::new(builder(1, 1).build().unwrap());
        let latch = Latch::block_worker(&pool);
        let order = Order::default();
        pool.submit(order.job(0)).unwrap();
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                Arc::new(HostileWaker {
                    hostile,
                    pool: Arc::downgrade(&pool),
                    task: Mutex::default(),
                })
            })
            .collect();
        let mut tasks = Vec::new();
        for waker in &wakers {
            let mut reserve = pool.reserve().unwrap();
            assert!(poll(&mut reserve, &Waker::from(Arc::clone(waker))).is_pending());
            match hostile {
                Hostile::DropsItsTask => *waker.task.lock().unwrap() = Some(reserve),
                _ => tasks.push(reserve),
            }
        }
        drop(wakers);
        let last = Polled::waiting(&pool);
        latch.open();
        if hostile == Hostile::Stops {
            until("the last is woken", || last.wakes() > 0);
            assert!(pool.is_closed());
        } else {
            if hostile != Hostile::DropsItsTask {
                until("both have a place", || pool.stats().reserved == 2);
                // Each gets its place and gives it back.
                in_time("dropping the tasks", move || drop(tasks));
            }
            until("the last is woken", || last.wakes() > 0);
            last.granted().submit(order.job(1)).unwrap();
            until("it has run", || order.ran() == [0, 1]);
        }
        let releasing = Arc::clone(&pool);
        in_time("releasing", move || releasing.release());
        assert_eq!((pool.stats().blocked, pool.stats().reserved), (0, 0));
        assert_at_rest(&pool);
    }
}
