//! What a caller may rely on when an emission says that it has ended.

use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use soiree::EventPool;
use soiree_pool::WorkerPool;

use crate::support::{TIME_LIMIT, TestResult, on_one_worker, wait_until};

/// E3: a wait that does not block returns its report.
#[test]
fn an_emission_that_is_finished_has_a_report() -> TestResult {
    let soiree = EventPool::with_pool(WorkerPool::new(2, 64)?);
    soiree.on("t", |_| {})?;
    for _ in 0..20_000 {
        let emission = soiree.emit("t", ())?;
        wait_until("the emission is finished", || emission.is_finished());
        let report = emission.wait_timeout(Duration::ZERO);
        assert_eq!(report.map(|report| report.is_unfinished()), Some(false));
    }
    soiree.close()?;
    Ok(())
}

/// E3: also if the last emission removes the listeners, and dropping them takes long.
#[test]
fn an_emission_is_not_finished_while_it_drops_the_last_listeners() -> TestResult {
    struct DropsSlowly(
        std::sync::mpsc::Sender<()>,
        Mutex<std::sync::mpsc::Receiver<()>>,
    );
    impl Drop for DropsSlowly {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            let released = self.1.get_mut().unwrap();
            released.recv_timeout(TIME_LIMIT).unwrap();
        }
    }
    let soiree = on_one_worker(8);
    let (sender, dropping) = channel();
    let (release, released) = channel();
    let (start, started) = channel();
    let (listener, started) = (
        DropsSlowly(sender, Mutex::new(released)),
        Mutex::new(started),
    );
    soiree.on("t", move |_| {
        let _ = &listener;
        started.lock().unwrap().recv_timeout(TIME_LIMIT).unwrap();
    })?;
    let emission = soiree.emit("t", ())?;
    drop(soiree);
    start.send(())?;
    dropping.recv_timeout(TIME_LIMIT)?;
    assert!(!emission.is_finished());
    assert!(emission.wait_timeout(Duration::ZERO).is_none());
    release.send(())?;
    wait_until("the emission is finished", || emission.is_finished());
    assert!(emission.wait_timeout(Duration::ZERO).is_some());
    Ok(())
}

/// E4
#[test]
fn every_emission_is_finished_when_a_close_returns() -> TestResult {
    for _ in 0..2_000 {
        let soiree = EventPool::with_pool(WorkerPool::new(2, 8)?);
        soiree.on("t", |_| {})?;
        let emissions = [(); 4].map(|()| soiree.emit("t", ()).unwrap());
        soiree.close()?;
        assert!(emissions.iter().all(soiree_engine::Emission::is_finished));
    }
    Ok(())
}
