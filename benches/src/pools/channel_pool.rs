//! The minimal pool: threads and a channel.

use std::thread::{self, JoinHandle};

use crossbeam_channel::{Sender, bounded};

use super::job_pool::{CAPACITY, JobPool};

type BoxedJob = Box<dyn FnOnce() + Send>;

/// The minimal pool: threads that take boxed jobs from a bounded channel.
pub(crate) struct ChannelPool {
    jobs: Option<Sender<BoxedJob>>,
    workers: Vec<JoinHandle<()>>,
}

impl JobPool for ChannelPool {
    fn with_workers(workers: usize) -> Self {
        let (sender, receiver) = bounded::<BoxedJob>(CAPACITY);
        let worker = |_| {
            let jobs = receiver.clone();
            thread::spawn(move || jobs.iter().for_each(|job| job()))
        };
        Self {
            jobs: Some(sender),
            workers: (0..workers).map(worker).collect(),
        }
    }

    fn submit(&self, job: impl FnOnce() + Send + 'static) {
        let jobs = self.jobs.as_ref().expect("the pool is open");
        jobs.send(Box::new(job)).expect("the workers are running");
    }
}

impl Drop for ChannelPool {
    fn drop(&mut self) {
        self.jobs = None;
        for worker in self.workers.drain(..) {
            worker.join().expect("no job panics");
        }
    }
}
