//! The programs that run cases, and their processes.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use soiree_benches::{Sample, output_lines, process_cpu};

use crate::build::Build;
use crate::case_id::CaseId;
use crate::host;
use crate::result::Result;

/// A run counts as disturbed if other processes used more than this share of a core meanwhile.
pub(crate) const MAX_FOREIGN_CORES: f64 = 0.1;

/// The programs that do the work.
pub(crate) struct Programs {
    report: PathBuf,
    memory: PathBuf,
    durable: PathBuf,
    growth: PathBuf,
    /// All cases, as built with fat LTO. The value says whether every run of a case needs a process of its own.
    fresh: HashMap<CaseId, bool>,
}

/// How much memory one value retains.
pub(crate) struct MemoryUse {
    pub(crate) name: String,
    pub(crate) subject: String,
    pub(crate) bytes: f64,
}

/// One run, and how busy other processes were.
pub(crate) struct Run {
    pub(crate) sample: Sample,
    /// The CPU time of other processes during the run, as a number of cores.
    foreign_cores: f64,
}

impl Run {
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.foreign_cores <= MAX_FOREIGN_CORES
    }
}

impl Programs {
    /// Finds the programs next to this one, where Cargo builds them.
    pub(crate) fn next_to_this() -> Result<Self> {
        let this = std::env::current_exe()?;
        let mut programs = Self {
            memory: this.with_file_name("memory"),
            durable: this.with_file_name("durable"),
            growth: this.with_file_name("growth"),
            report: this,
            fresh: HashMap::new(),
        };
        let listed = output_lines(&Build::FatLto.program(&programs.report), &["list"])?;
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
        let fresh = self.fresh.get(&id.clone().built(Build::FatLto)).copied();
        fresh.ok_or_else(|| format!("subject knows no {} of {}", id.workload, id.subject).into())
    }

    /// Starts a process that prepares the case and waits for requests.
    pub(crate) fn serve(&self, id: &CaseId) -> Result<SubjectProcess> {
        let program = id.build.program(&self.report);
        let mut child = Command::new(&program)
            .args(["serve", &id.workload, &id.subject])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let requests = child.stdin.take().ok_or("the subject has no input")?;
        let answers = child.stdout.take().ok_or("the subject has no output")?;
        let mut process = SubjectProcess {
            name: format!("{} of {}", id.built_workload(), id.subject),
            child,
            requests: Some(requests),
            answers: BufReader::new(answers),
        };
        match process.answer()?.as_str() {
            "ready" => Ok(process),
            other => Err(format!("{}: {other:?} instead of ready", process.name).into()),
        }
    }

    /// Measures all kinds of values, each in a process of its own.
    pub(crate) fn measure_memory(&self) -> Result<Vec<MemoryUse>> {
        let count = output_lines(&self.memory, &[])?.concat().parse::<usize>()?;
        let measure = |number: usize| {
            let line = output_lines(&self.memory, &[&number.to_string()])?.concat();
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

    /// How many instructions one operation of a case takes, on all threads.
    pub(crate) fn instructions(&self, id: &CaseId) -> Result<f64> {
        let program = id.build.program(&self.report);
        let counted = output_lines(&program, &["instructions", &id.workload, &id.subject])?;
        Ok(counted.concat().parse()?)
    }

    /// Measures durable events. Returns their chapter.
    pub(crate) fn measure_durable(&self, quick: bool) -> Result<String> {
        let args: &[&str] = if quick {
            &["--chapter", "--queues", "--quick"]
        } else {
            &["--chapter", "--queues"]
        };
        Ok(output_lines(&self.durable, args)?.join("\n"))
    }

    /// Measures how costs grow. Draws plots into this folder, if there is one, and returns the chapter.
    pub(crate) fn measure_growth(&self, quick: bool, plots: Option<&Path>) -> Result<String> {
        let plots = plots.map(|folder| folder.to_string_lossy());
        let mut args = Vec::new();
        if quick {
            args.push("--quick");
        }
        if let Some(folder) = &plots {
            args.extend(["--plots", folder]);
        }
        Ok(output_lines(&self.growth, &args)?.join("\n"))
    }
}

/// A running `subject serve`, whose case is prepared.
pub(crate) struct SubjectProcess {
    name: String,
    child: Child,
    /// Closing it ends the process.
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl SubjectProcess {
    /// Runs the case with this number of operations.
    pub(crate) fn run(&mut self, ops: u64) -> Result<Run> {
        let (before, own) = (host::busy_time()?, process_cpu());
        let started = Instant::now();
        let requests = self.requests.as_mut().ok_or("the subject has ended")?;
        writeln!(requests, "{ops}")?;
        let mut sample: Sample = self.answer()?.parse()?;
        let (took, after) = (started.elapsed(), host::busy_time()?);
        let busy = sample.figures.pop().map_or(0, |(_, busy)| busy);
        let own = Duration::from_nanos(busy) + (process_cpu() - own);
        let foreign = (after - before).as_secs_f64() - own.as_secs_f64();
        Ok(Run {
            sample,
            foreign_cores: foreign.max(0.0) / took.as_secs_f64(),
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
        // The process ends when its input is closed. Its exit status no longer matters.
        let _ = self.child.wait();
    }
}
