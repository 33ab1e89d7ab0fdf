//! Runs the cases of a group in alternation.

use std::time::{Duration, Instant};

use crate::case_id::CaseId;
use crate::chapters::{Chapter, Group, chapters};
use crate::options::Options;
use crate::process::{Programs, Run, SubjectProcess};
use crate::result::Result;
use crate::runs::Runs;

/// Rounds are added until every case has this many undisturbed runs.
const MIN_UNDISTURBED_RUNS: usize = 7;

/// Everything that was measured.
pub(crate) struct Measured {
    pub(crate) chapters: Vec<Chapter>,
    pub(crate) runs: Runs,
}

/// Measures all groups that the options select.
pub(crate) fn all(programs: &Programs, options: &Options) -> Result<Measured> {
    let mut measured = Measured {
        chapters: chapters(),
        runs: Runs::default(),
    };
    if let Some(word) = &options.only {
        for chapter in &mut measured.chapters {
            chapter
                .groups
                .retain(|group| group.name.contains(word.as_str()));
            chapter
                .comparisons
                .retain(|comparison| comparison.name.contains(word.as_str()));
        }
        measured
            .chapters
            .retain(|chapter| !chapter.groups.is_empty());
        if measured.chapters.is_empty() {
            return Err(format!("--only {word}: no workload has this word in its name").into());
        }
    }
    let groups = measured.chapters.iter();
    let groups: Vec<&Group> = groups.flat_map(|chapter| &chapter.groups).collect();
    measured.runs = measure(programs, &groups, options, options.limit)?;
    Ok(measured)
}

/// Measures these groups. Takes about as long as `limit` at most.
pub(crate) fn measure(
    programs: &Programs,
    groups: &[&Group],
    options: &Options,
    limit: Duration,
) -> Result<Runs> {
    let mut runs = Runs::default();
    let deadline = Instant::now() + limit;
    let mut total_weight: f64 = groups.iter().map(|group| group.time_weight()).sum();
    for group in groups {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left.mul_f64(group.time_weight() / total_weight);
        total_weight -= group.time_weight();
        for case in one(programs, group, options, share)? {
            runs.insert(case.id, case.runs);
        }
    }
    Ok(runs)
}

/// Measures one group. Takes about as long as its share of the time.
fn one(
    programs: &Programs,
    group: &Group,
    options: &Options,
    share: Duration,
) -> Result<Vec<CaseRuns>> {
    let started = Instant::now();
    let run_time = if options.quick {
        group.run_time / 4
    } else {
        group.run_time
    };
    let mut cases = Vec::new();
    for id in &group.cases {
        cases.push(CaseRuns::new(programs, id, run_time, group.ops)?);
    }
    let mut round = 0;
    loop {
        // Every other round in reverse, so that no case always follows the same one.
        let order: Vec<usize> = if round % 2 == 0 {
            (0..cases.len()).collect()
        } else {
            (0..cases.len()).rev().collect()
        };
        for at in order {
            cases[at].run_once(programs)?;
        }
        round += 1;
        let each = started.elapsed() / round as u32;
        let late = started.elapsed() + each > share;
        let quiet = cases.iter().map(CaseRuns::undisturbed).min().unwrap_or(0);
        let enough = round >= options.rounds && (options.quick || quiet >= MIN_UNDISTURBED_RUNS);
        if enough || round >= 3 * options.rounds || (late && round >= 3) {
            eprintln!(
                "{}: {round} rounds, at least {quiet} undisturbed, {:.0} s",
                group.name,
                started.elapsed().as_secs_f64()
            );
            break;
        }
    }
    Ok(cases)
}

/// A case, and its runs so far.
struct CaseRuns {
    id: CaseId,
    /// The process of all runs; `None` if each run has its own.
    process: Option<SubjectProcess>,
    ops: u64,
    runs: Vec<Run>,
}

impl CaseRuns {
    fn new(programs: &Programs, id: &CaseId, run_time: Duration, ops: Option<u64>) -> Result<Self> {
        let mut process = programs.serve(id)?;
        let ops = match ops {
            Some(ops) => ops,
            None => calibrate(&mut process, run_time)?,
        };
        Ok(Self {
            id: id.clone(),
            process: (!programs.needs_fresh_process(id)?).then_some(process),
            ops,
            runs: Vec::new(),
        })
    }

    fn run_once(&mut self, programs: &Programs) -> Result {
        let run = match &mut self.process {
            Some(process) => process.run(self.ops)?,
            None => programs.serve(&self.id)?.run(self.ops)?,
        };
        self.runs.push(run);
        Ok(())
    }

    fn undisturbed(&self) -> usize {
        self.runs.iter().filter(|run| run.is_undisturbed()).count()
    }
}

/// Finds how many operations take about `run_time`.
fn calibrate(process: &mut SubjectProcess, run_time: Duration) -> Result<u64> {
    let mut ops = 100;
    loop {
        let started = Instant::now();
        process.run(ops)?;
        let took = started.elapsed().max(Duration::from_micros(1));
        if took * 4 > run_time {
            let fitting = ops as f64 * run_time.as_secs_f64() / took.as_secs_f64();
            return Ok((fitting as u64).max(1));
        }
        ops *= 4;
    }
}
