//! The same program on several executors, those with a single thread included.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use soiree::{EventPool, Overflow, WorkerPool};

use crate::pools::on_every_pool;

pub(crate) type Program = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Calls `test` with what runs a program, for each executor.
pub(crate) fn on_every_executor(test: impl Fn(&dyn Fn(Program))) {
    println!("pollster");
    test(&|program| pollster::block_on(program));
    println!("futures");
    test(&|program| futures_executor::block_on(program));
    println!("tokio, current thread");
    test(&|program| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(program);
    });
    println!("tokio, multi-thread");
    test(&|program| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).build().unwrap();
        runtime.block_on(async { tokio::spawn(program).await.unwrap() });
    });
}

/// A1: a queue of 1 makes nearly every emit wait. The thread of the executor is never needed by what it waits for.
#[test]
fn a_program_that_awaits_everything_ends_on_every_executor() {
    on_every_executor(|run| {
        run(Box::pin(async {
            let soiree = EventPool::with_pool(WorkerPool::new(1, 1).unwrap());
            soiree.on("work.*", |_| {}).unwrap();
            let mut emissions = Vec::new();
            for number in 0..100_u64 {
                emissions.push(soiree.emit_async("work.one", number).await.unwrap());
            }
            for emission in emissions {
                assert_eq!(emission.await.delivered(), 1);
            }
            soiree.close_async().await.unwrap();
        }));
    });
}

/// A1: on every pool, and with emits that wait at the same time.
#[test]
fn emits_that_wait_together_are_all_handled_on_one_thread() {
    on_every_pool(1, Overflow::Block, |on| {
        on.soiree.on("work.*", |_| {}).unwrap();
        let emit = |number: u64| {
            let soiree = on.soiree.clone();
            async move {
                let emission = soiree.emit_async("work.one", number).await.unwrap();
                assert_eq!(emission.await.delivered(), 1);
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let tasks: Vec<_> = (0..20)
                .map(|number| tokio::task::spawn(emit(number)))
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            on.soiree.close_async().await.unwrap();
        });
    });
}

/// A1: a timeout around an emit cancels it, and the next one is not harmed.
#[test]
fn a_timeout_around_an_emit_cancels_it() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    runtime.unwrap().block_on(async {
        let soiree = EventPool::with_pool(WorkerPool::new(1, 1).unwrap());
        let (open, opened) = std::sync::mpsc::channel::<()>();
        let opened = std::sync::Mutex::new(opened);
        soiree
            .on("block", move |_| {
                let _ = opened.lock().unwrap().recv();
            })
            .unwrap();
        soiree.emit_async("block", ()).await.unwrap();
        loop {
            let emit = soiree.emit_async("work.one", ());
            if tokio::time::timeout(Duration::from_millis(5), emit)
                .await
                .is_err()
            {
                break;
            }
        }
        drop(open);
        soiree.emit_async("work.two", ()).await.unwrap();
        soiree.close_async().await.unwrap();
        assert_eq!(soiree.stats().in_flight, 0);
    });
}
