//! The programs that do the work.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use soiree_benches::{Sample, process_cpu};

use crate::case_id::CaseId;
use crate::host;
use crate::result::Result;

/// A run during which other processes had more than this of a core, counts for nothing.
pub(crate) const MAX_FOREIGN_CORES: f64 = 0.1;

/// Where the programs are, and what they can do.
pub(crate) struct Programs {
    subject: PathBuf,
    memory: PathBuf,
    /// Whether each case wants a process of its own for every run.
    fresh: HashMap<CaseId, bool>,
}

/// What one of a kind weighs.
pub(crate) struct MemoryUse {
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) bytes: f64,
}

/// One run, and what else the machine did meanwhile, in cores.
pub(crate) struct Run {
    pub(crate) sample: Sample,
    foreign_cores: f64,
}

impl Run {
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.foreign_cores <= MAX_FOREIGN_CORES
    }
}

impl Programs {
    /// Those that were built together with this one.
    pub(crate) fn next_to_this() -> Result<Self> {
        let this = std::env::current_exe()?;
        let mut programs = Self {
            subject: this.with_file_name("subject"),
            memory: this.with_file_name("memory"),
            fresh: HashMap::new(),
        };
        let listed = programs.lines(&programs.subject, &["list"])?;
        for line in listed {
            let fields: Vec<&str> = line.split('\t').collect();
            let [workload, subject, process] = fields[..] else {
                return Err(format!("subject list: {line:?}").into());
            };
            let id = CaseId::new(workload, subject);
            programs.fresh.insert(id, process == "fresh");
        }
        Ok(programs)
    }

    pub(crate) fn needs_fresh_process(&self, id: &CaseId) -> Result<bool> {
        let fresh = self.fresh.get(id).copied();
        fresh.ok_or_else(|| format!("subject knows no {} of {}", id.workload, id.subject).into())
    }

    pub(crate) fn serve(&self, id: &CaseId) -> Result<SubjectProcess> {
        let mut child = Command::new(&self.subject)
            .args(["serve", &id.workload, &id.subject])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = child.stdin.take().ok_or("the subject has no input")?;
        let answers = child.stdout.take().ok_or("the subject has no output")?;
        let mut server = SubjectProcess {
            name: format!("{} of {}", id.workload, id.subject),
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
    pub(crate) fn measure_memory(&self) -> Result<Vec<MemoryUse>> {
        let count = self.lines(&self.memory, &[])?.concat().parse::<usize>()?;
        let measure = |number: usize| {
            let line = self.lines(&self.memory, &[&number.to_string()])?.concat();
            let fields: Vec<&str> = line.split('\t').collect();
            let [name, subject, bytes] = fields[..] else {
                return Err(format!("memory {number}: {line:?}").into());
            };
            Ok(MemoryUse {
                name: name.into(),
                subject: subject.into(),
                bytes: bytes.parse()?,
            })
        };
        (0..count).map(measure).collect()
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

/// A subject that is prepared.
pub(crate) struct SubjectProcess {
    name: String,
    child: Child,
    /// Closing it ends the subject.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl SubjectProcess {
    pub(crate) fn run(&mut self, ops: u64) -> Result<Run> {
        let (before, own) = (host::busy_time()?, process_cpu());
        let started = Instant::now();
        let requests = self.requests.as_mut().ok_or("the subject has ended")?;
        writeln!(requests, "{ops}")?;
        let mut sample: Sample = self.answer()?.parse()?;
        let (took, after) = (started.elapsed(), host::busy_time()?);
        let busy = sample.figures.pop().map_or(0, |(_, busy)| busy);
        let own = Duration::from_nanos(busy) + (process_cpu() - own);
        let foreign_cores = (after - before).as_secs_f64() - own.as_secs_f64();
        Ok(Run {
            sample,
            foreign_cores: foreign_cores.max(0.0) / took.as_secs_f64(),
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

impl Drop for SubjectProcess {
    fn drop(&mut self) {
        self.requests = None;
        // It ends when its input does; how, no longer matters.
        let _ = self.child.wait();
    }
}
