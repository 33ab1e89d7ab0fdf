//! What durable events cost, next to others that are as durable, in the same file system and the same run. See `--help`.
//!
//! `cargo run --release -p soiree-benches --features durable --bin durable`

mod backlog;
mod bare;
mod emitting;
mod idle;
#[cfg(feature = "nats")]
mod nats;
mod options;
mod pace;
mod passing;
mod queues;
mod result;
mod row_per_delivery;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use self::options::{Command, Options, USAGE};
use self::result::Result;
use self::table::{Table, Target, Unit, percentile};

const EMITTERS: u64 = 64;

/// The job queues, how many of our events each handles while we handle a hundred, at most, and how often soiree is as fast at least.
const QUEUES: [(&str, u64, f64); 2] = [("apalis", 10, 10.0), ("effectum", 50, 2.0)];

const CHAPTER: &str = "\
## Durable events

Events of 1 KiB, in SQLite files on the disk of this machine. All commits wait for the disk: bare SQLite, apalis-sqlite and soiree with a
write-ahead log and `synchronous = FULL`; effectum with the rollback journal that it uses by itself. *A row for each delivery* is a loop
without events, pools or checksums that commits as soiree does, and keeps a row for each event and listener instead of a position for
each listener. The job queues have one worker, and programs of their own. NATS servers run on this machine.

A ratio compares two runs of the same round, and is that of soiree to the other. Other users of the disk change all figures, and runs
are not left out for it: only ratios mean something.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result {
    match Command::from_args()? {
        Command::Help => println!("{USAGE}"),
        Command::Part(part, path) => backlog::part(&part, &path)?,
        Command::Measure(options) => {
            let mut table = Table::default();
            if options.queues {
                QUEUES
                    .iter()
                    .try_for_each(|(queue, ..)| queues::build(queue))?;
            }
            for _ in 0..options.rounds {
                let folder = tempfile::tempdir_in(".")?;
                Round::new(folder.path(), &options, &mut table).run()?;
            }
            if options.runs("backlog") {
                let folder = tempfile::tempdir_in(".")?;
                Round::new(folder.path(), &options, &mut table).backlog()?;
            }
            if options.chapter {
                println!("{CHAPTER}\n");
            }
            println!("{}", table.markdown());
        }
    }
    Ok(())
}

/// One round of all workloads. Each has a file of its own.
struct Round<'a> {
    folder: &'a Path,
    files: u32,
    options: &'a Options,
    table: &'a mut Table,
}

impl<'a> Round<'a> {
    fn new(folder: &'a Path, options: &'a Options, table: &'a mut Table) -> Self {
        let files = 0;
        Self {
            folder,
            files,
            options,
            table,
        }
    }

    fn file(&mut self) -> PathBuf {
        self.files += 1;
        self.folder.join(format!("{}.db", self.files))
    }

    fn run(&mut self) -> Result {
        let options = self.options;
        if options.runs("emit") {
            self.emitting()?;
        }
        if options.runs("queue") && options.queues {
            self.queues()?;
        }
        if options.runs("latency") {
            self.latency()?;
        }
        #[cfg(feature = "nats")]
        if options.runs("nats") {
            let (folder, files) = (self.folder, &mut self.files);
            let file = || {
                *files += 1;
                folder.join(format!("{files}.db"))
            };
            nats::round(self.table, options.events * 2, file)?;
        }
        if options.runs("pass") {
            self.passing()?;
        }
        if options.runs("idle") {
            let during = Duration::from_secs(if options.quick { 1 } else { 10 });
            let pair = idle::switches(&self.file(), during)?;
            let name = format!(
                "context switches in {} s at rest, 100 listeners",
                during.as_secs()
            );
            let target = Target::Limit(pair.1);
            self.table
                .add(&name, "`EventPool`", Unit::Count, target, pair);
        }
        Ok(())
    }

    fn emitting(&mut self) -> Result {
        const BARE: &str = "bare SQLite";
        const ROWS: &str = "a row for each delivery";
        let (events, unit) = (self.options.events, Unit::EventsPerSecond);
        let one = bare::throughput(&self.file(), events / 4, 1)?;
        let ours = emitting::throughput(&self.file(), events / 4, 1, 0)?;
        let name = "1 emitter that waits for each event; bare: 1 event a commit";
        self.table
            .add(name, BARE, unit, Target::AtLeast(0.7), (ours, one));

        let hundred = bare::throughput(&self.file(), events * 2, 100)?;
        for (listeners, target) in [(0, 0.5), (1, 0.5), (3, 0.4)] {
            let ours = emitting::throughput(&self.file(), events * 2, EMITTERS, listeners)?;
            let name = format!(
                "{EMITTERS} emitters, {listeners} listeners, until all is handled and marked; bare: 100 events a commit"
            );
            self.table
                .add(&name, BARE, unit, Target::AtLeast(target), (ours, hundred));
            if listeners == 3 {
                let rows = row_per_delivery::throughput(&self.file(), events * 2, EMITTERS, 3)?;
                let name = format!("{EMITTERS} emitters, 3 listeners");
                self.table
                    .add(&name, ROWS, unit, Target::AtLeast(1.4), (ours, rows));
            }
        }
        Ok(())
    }

    fn queues(&mut self) -> Result {
        for (queue, share, target) in QUEUES {
            let events = self.options.events;
            let ours = emitting::throughput(&self.file(), events, EMITTERS, 1)?;
            let jobs = (events * share / 100).max(EMITTERS);
            let other = queues::throughput(queue, &self.file(), jobs, EMITTERS)?;
            let name = format!("{EMITTERS} emitters, 1 listener or worker");
            let unit = Unit::EventsPerSecond;
            self.table
                .add(&name, queue, unit, Target::AtLeast(target), (ours, other));
        }
        Ok(())
    }

    fn passing(&mut self) -> Result {
        let times = passing::emit_sync(&self.file())?;
        for (way, pair) in [
            ("", (times.outbox, times.event_pool)),
            (
                ", each as `&dyn Soiree`",
                (times.any_outbox, times.any_pool),
            ),
        ] {
            let name = format!("`emit_sync` of an event that is not durable{way}");
            self.table.add(
                &name,
                "`EventPool`",
                Unit::Nanos,
                Target::AtMost(1.05),
                pair,
            );
        }
        Ok(())
    }

    fn latency(&mut self) -> Result {
        let commits = self.options.events / 4;
        let rate = bare::throughput(&self.file(), commits, 1)? / 2.0;
        let mut bare = bare::latency(&self.file(), commits, rate)?;
        for (listeners, target) in [(0, Target::AtMost(3.0)), (1, Target::None)] {
            let mut ours = emitting::latency(&self.file(), commits, rate, listeners)?;
            for (word, share) in [("p50", 0.5), ("p99", 0.99)] {
                let target = if word == "p99" { target } else { Target::None };
                let pair = (percentile(&mut ours, share), percentile(&mut bare, share));
                let name = format!("{word} of an emit at half the load, {listeners} listeners");
                self.table
                    .add(&name, "a bare commit", Unit::Nanos, target, pair);
            }
        }
        Ok(())
    }

    fn backlog(&mut self) -> Result {
        let (few, many) = (1_000_u64, self.options.backlog);
        let file = self.file();
        backlog::fill(&file, many)?;
        let counted = backlog::run(&["count"], &file)?[0];
        let opened = backlog::run(&["open"], &file)?;
        let name = format!("opening with {many} waiting events, until the first is delivered");
        let pair = (opened[0], counted);
        self.table.add(
            &name,
            "`SELECT count(*)`",
            Unit::Nanos,
            Target::Limit(2e9),
            pair,
        );
        let name = format!("memory of the process by then, {many} waiting events");
        let limit = Target::Limit(f64::from(64 << 20));
        self.table
            .add(&name, "", Unit::Bytes, limit, (opened[1], f64::NAN));
        let handled = many.min(50_000);
        let rate = backlog::run(&["handle", &handled.to_string()], &file)?[0];
        for _ in 0..5 {
            let file = self.file();
            backlog::fill(&file, few)?;
            let alone = backlog::run(&["handle", &few.to_string()], &file)?[0];
            let pair = (rate, alone);
            let name = format!("handling the first {handled} of {many} waiting events");
            let unit = Unit::EventsPerSecond;
            self.table.add(
                &name,
                "1,000 waiting events",
                unit,
                Target::AtLeast(0.9),
                pair,
            );
        }
        Ok(())
    }
}
