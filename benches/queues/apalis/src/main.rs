//! Jobs through apalis-sqlite: emitters that each wait for the commit, and one worker that handles all of them.
//!
//! `queue-apalis FILE JOBS EMITTERS BYTES` prints the seconds until the last job was handled and marked as done.

use std::error::Error;
use std::time::{Duration, Instant};

use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteConnectOptions, SqlitePoolOptions, SqliteStorage};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

const QUEUE: &str = "jobs";

async fn handle(_: String, _: WorkerContext) -> Result<(), BoxDynError> {
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, jobs, emitters, bytes] = &arguments[..] else {
        return Err("usage: queue-apalis FILE JOBS EMITTERS BYTES".into());
    };
    let (jobs, emitters, bytes): (u64, u64, usize) =
        (jobs.parse()?, emitters.parse()?, bytes.parse()?);
    // SqliteStorage::setup would set `synchronous` to OFF.
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(60));
    let pool = SqlitePoolOptions::new()
        .max_connections(8)
        .connect_with(options)
        .await?;
    SqliteStorage::migrations().run(&pool).await?;
    let config = Config::default().queue(QUEUE).batch_size(100);
    let storage = SqliteStorage::<String>::new(&pool).with_config(config);
    let worker = WorkerBuilder::new("worker")
        .backend(storage.clone().poll_with_interval(Duration::from_millis(5)))
        .build(handle);
    tokio::spawn(worker.run());
    let start = Instant::now();
    let mut running = Vec::new();
    for _ in 0..emitters {
        let mut storage = storage.clone();
        running.push(tokio::spawn(async move {
            for _ in 0..jobs / emitters {
                storage.push("7".repeat(bytes)).await?;
            }
            Ok::<(), Box<dyn Error + Send + Sync>>(())
        }));
    }
    for emitter in running {
        emitter.await??;
    }
    let emitted = i64::try_from(jobs / emitters * emitters)?;
    loop {
        let sql = "SELECT count(*) FROM Jobs WHERE status = 'Done'";
        let done: i64 = sqlx::query_scalar(sql).fetch_one(&pool).await?;
        if done == emitted {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("{}", start.elapsed().as_secs_f64());
    std::process::exit(0);
}
