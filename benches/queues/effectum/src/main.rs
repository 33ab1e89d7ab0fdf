//! Jobs through effectum: emitters that each wait for the commit, and one worker that handles all of them.
//!
//! `queue-effectum FILE JOBS EMITTERS BYTES` prints the seconds until the last job was handled and marked as done.
//!
//! effectum sets `synchronous` to NORMAL itself, in a file with a rollback journal. A commit is synced there too.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use effectum::{Job, JobRunner, Queue, RunningJob, Worker};

async fn handle(_: RunningJob, (): ()) -> Result<(), String> {
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, jobs, emitters, bytes] = &arguments[..] else {
        return Err("usage: queue-effectum FILE JOBS EMITTERS BYTES".into());
    };
    let (jobs, emitters, bytes): (u64, u64, usize) =
        (jobs.parse()?, emitters.parse()?, bytes.parse()?);
    let queue = Arc::new(Queue::new(Path::new(file)).await?);
    let runner = JobRunner::builder("job", handle).build();
    let _worker = Worker::builder(&queue, ())
        .max_concurrency(256)
        .jobs([runner])
        .build()
        .await?;
    let start = Instant::now();
    let mut running = Vec::new();
    for _ in 0..emitters {
        let queue = Arc::clone(&queue);
        running.push(tokio::spawn(async move {
            for _ in 0..jobs / emitters {
                let job = Job::builder("job").payload(vec![b'7'; bytes]).build();
                queue.add_job(job).await?;
            }
            Ok::<(), effectum::Error>(())
        }));
    }
    for emitter in running {
        emitter.await??;
    }
    loop {
        let active = queue.num_active_jobs().await?;
        if active.pending + active.running == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("{}", start.elapsed().as_secs_f64());
    std::process::exit(0);
}
