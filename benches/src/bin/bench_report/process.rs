//! The programs that do the work.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use soiree_benches::{Sample, process_cpu};

use crate::host;
use crate::key::Key;
use crate::result::Result;

/// A run during which other processes had more than this of a core, counts for nothing.
pub(crate) const MOST_FOREIGN: f64 = 0.1;

/// Where the programs are, and what they can do.
pub(crate) struct Programs {
    contender: PathBuf,
    weigh: PathBuf,
    /// Whether each case wants a process of its own for every run.
    fresh: HashMap<Key, bool>,
}

/// What one of a kind weighs.
pub(crate) struct Weighed {
    pub(crate) what: String,
    pub(crate) contender: String,
    pub(crate) bytes: f64,
}

/// One run, and what else the machine did meanwhile, in cores.
pub(crate) struct Run {
    pub(crate) sample: Sample,
    foreign: f64,
}

impl Run {
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.foreign <= MOST_FOREIGN
    }
}

impl Programs {
    /// Those that were built together with this one.
    pub(crate) fn beside_this() -> Result<Self> {
        let this = std::env::current_exe()?;
        let mut programs = Self {
            contender: this.with_file_name("contender"),
            weigh: this.with_file_name("weigh"),
            fresh: HashMap::new(),
        };
        let listed = programs.lines(&programs.contender, &["list"])?;
        for line in listed {
            let fields: Vec<&str> = line.split('\t').collect();
            let [workload, contender, process] = fields[..] else {
                return Err(format!("contender list: {line:?}").into());
            };
            let key = Key::new(workload, contender);
            programs.fresh.insert(key, process == "fresh");
        }
        Ok(programs)
    }

    pub(crate) fn is_fresh(&self, key: &Key) -> Result<bool> {
        let fresh = self.fresh.get(key).copied();
        fresh.ok_or_else(|| {
            format!("contender knows no {} of {}", key.workload, key.contender).into()
        })
    }

    pub(crate) fn serve(&self, key: &Key) -> Result<Server> {
        let mut child = Command::new(&self.contender)
            .args(["serve", &key.workload, &key.contender])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take().ok_or("the contender has no input")?;
        let answers = child.stdout.take().ok_or("the contender has no output")?;
        let mut server = Server {
            name: format!("{} of {}", key.workload, key.contender),
            child,
            requests: Some(requests),
            answers: BufReader::new(answers),
        };
        match server.answer()?.as_str() {
            "ready" => Ok(server),
            other => Err(format!("{}: {other:?} in place of ready", server.name).into()),
        }
    }

    /// Weighs everything, each in a process of its own.
    pub(crate) fn weigh(&self) -> Result<Vec<Weighed>> {
        let count = self.lines(&self.weigh, &[])?.concat().parse::<usize>()?;
        let weigh = |number: usize| {
            let line = self.lines(&self.weigh, &[&number.to_string()])?.concat();
            let fields: Vec<&str> = line.split('\t').collect();
            let [what, contender, bytes] = fields[..] else {
                return Err(format!("weigh {number}: {line:?}").into());
            };
            Ok(Weighed {
                what: what.into(),
                contender: contender.into(),
                bytes: bytes.parse()?,
            })
        };
        (0..count).map(weigh).collect()
    }

    fn lines(&self, program: &PathBuf, args: &[&str]) -> Result<Vec<String>> {
        let output = Command::new(program)
            .args(args)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        if !output.status.success() {
            return Err(format!("{} {args:?}: {}", program.display(), output.status).into());
        }
        let text = String::from_utf8(output.stdout)?;
        Ok(text.lines().map(String::from).collect())
    }
}

/// A contender that is prepared.
pub(crate) struct Server {
    name: String,
    child: Child,
    /// Closing it ends the contender.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn run(&mut self, ops: u64) -> Result<Run> {
        let (before, own) = (host::busy()?, process_cpu());
        let started = Instant::now();
        let requests = self.requests.as_mut().ok_or("the contender has ended")?;
        writeln!(requests, "{ops}")?;
        let mut sample: Sample = self.answer()?.parse()?;
        let (took, after) = (started.elapsed(), host::busy()?);
        let busy = sample.figures.pop().map_or(0, |(_, busy)| busy);
        let own = Duration::from_nanos(busy) + (process_cpu() - own);
        let foreign = (after - before).as_secs_f64() - own.as_secs_f64();
        Ok(Run {
            sample,
            foreign: foreign.max(0.0) / took.as_secs_f64(),
        })
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            let ended = self.child.wait()?;
            return Err(format!("{} ended: {ended}", self.name).into());
        }
        Ok(line.trim_end().into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.requests = None;
        // It ends when its input does; how, no longer matters.
        let _ = self.child.wait();
    }
}
