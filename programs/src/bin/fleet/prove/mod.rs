//! Proof that nothing is lost: places orders, kills processes and the server at random moments, and counts what became of the orders.

mod load;
mod table;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use soiree::nats::async_nats::{self, jetstream};
use soiree_programs::output::say;
use tokio::time::sleep;

use self::load::Load;
use self::table::Table;
use crate::broker::Broker;
use crate::demo::Folder;
use crate::journal;
use crate::member::{PARTITIONS, STREAM};
use crate::options::ProveOptions;
use crate::outcome::Outcome;
use crate::process::{MEMBERS, Process};

const LOST: u8 = 1;
/// Seconds for each kill, unless said otherwise.
const FOR_EACH: u64 = 2;
/// One kill in so many is of the server.
const OF_BROKER: usize = 4;
/// If nothing more is done for so long, it is not going to be.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two lines of progress.
const PERIOD: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) async fn run(options: &ProveOptions) -> Outcome<ExitCode> {
    let kills = options.kills;
    let seconds = options.seconds.unwrap_or(FOR_EACH * kills.max(1) as u64);
    let folder = Folder::of(&options.common)?;
    let data = folder.path.clone();
    if journal::path(&data).exists() {
        return Err(format!("--data {}: it has files of another run", data.display()).into());
    }
    say(&format!(
        "{MEMBERS} processes, {PARTITIONS} partitions, {} connections, {kills} kills in {seconds} s, files in {}\n",
        load::CONNECTIONS,
        data.display()
    ));
    let mut broker = Broker::start(options.common.nats_server.as_deref(), &data).await?;
    let nats = broker.url();
    let mut processes = Vec::new();
    for index in 0..MEMBERS {
        processes.push(Process::start(index, &nats, &data).await?);
    }
    let load = Load::start(&processes)?;
    let mut of_broker = 0;
    let pause = Duration::from_secs(seconds) / (kills as u32 + 1);
    for kill in 0..kills {
        // Around the pause, and never before something was handled.
        let before = journal::read(&data)?.len();
        sleep(pause.mul_f64(0.5 + fastrand::f64())).await;
        until_more(&data, before).await?;
        if kill % OF_BROKER == OF_BROKER / 2 {
            broker.kill().await?;
            sleep(pause.mul_f64(fastrand::f64() / 2.0)).await;
            broker.run().await?;
            of_broker += 1;
            continue;
        }
        let index = fastrand::usize(..MEMBERS);
        processes.remove(index).kill().await?;
        processes.insert(index, Process::start(index, &nats, &data).await?);
        load.moved_to(index, &processes[index].url);
    }
    sleep(pause).await;
    let accepted = load.stop().await;

    finish(&data, accepted.values().sum()).await?;
    let in_stream = in_stream(&nats).await?;
    let mut is_orderly = true;
    for process in processes {
        is_orderly &= process.stop().await?.success();
    }
    broker.stop().await?;
    let table = Table::count(&accepted, &journal::read(&data)?, in_stream);
    say(&format!(
        "killed: {} times a process, {of_broker} times the server\n",
        kills - of_broker
    ));
    say(&table.to_string());
    if !is_orderly {
        say("a process did not close in order\n");
    }
    if table.is_right() && is_orderly {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("the files are kept in {}\n", data.display()));
    folder.keep();
    Ok(ExitCode::from(LOST))
}

/// Waits until more was handled than before.
async fn until_more(data: &Path, before: usize) -> Outcome<()> {
    let started = Instant::now();
    while journal::read(data)?.len() <= before {
        if started.elapsed() > PATIENCE {
            return Err("nothing is handled any more".into());
        }
        sleep(PAUSE / 10).await;
    }
    Ok(())
}

/// Waits until everything was handled, or until nothing more is.
async fn finish(data: &Path, accepted: u64) -> Outcome<()> {
    let (mut most, mut since, mut said) = (0, Instant::now(), Instant::now());
    loop {
        let handled = table::distinct(&journal::read(data)?);
        if handled >= accepted {
            return Ok(());
        }
        if handled > most {
            (most, since) = (handled, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Ok(());
        }
        if said.elapsed() > PERIOD {
            eprintln!("waiting: {} left", accepted - handled);
            said = Instant::now();
        }
        sleep(PAUSE).await;
    }
}

/// How many messages the stream has, when all that was accepted is published.
async fn in_stream(nats: &str) -> Outcome<u64> {
    let client = async_nats::connect(nats).await?;
    let stream = jetstream::new(client).get_stream(STREAM).await?;
    Ok(stream.cached_info().state.messages)
}
