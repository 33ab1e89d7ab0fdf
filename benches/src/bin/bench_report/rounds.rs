//! Letting contenders take turns.

use std::time::{Duration, Instant};

use crate::chapters::{Chapter, Group, chapters};
use crate::key::Key;
use crate::options::Options;
use crate::process::{Programs, Run, Server};
use crate::result::Result;
use crate::runs::Runs;

/// So many undisturbed pairs are worked for.
const WANTED: usize = 7;

/// What was measured.
pub(crate) struct Measured {
    pub(crate) chapters: Vec<Chapter>,
    pub(crate) runs: Runs,
}

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
            chapter.rows.retain(|row| row.name.contains(word.as_str()));
        }
        measured
            .chapters
            .retain(|chapter| !chapter.groups.is_empty());
        if measured.chapters.is_empty() {
            return Err(format!("--only {word}: no workload has that in its name").into());
        }
    }
    let groups: Vec<&Group> = measured
        .chapters
        .iter()
        .flat_map(|chapter| &chapter.groups)
        .collect();
    let deadline = Instant::now() + options.limit;
    let mut weight: f64 = groups.iter().map(|group| group.weight()).sum();
    for group in groups {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left.mul_f64(group.weight() / weight);
        weight -= group.weight();
        for case in one(programs, group, options, share)? {
            measured.runs.insert(case.key, case.runs);
        }
    }
    Ok(measured)
}

fn one(
    programs: &Programs,
    group: &Group,
    options: &Options,
    share: Duration,
) -> Result<Vec<Turns>> {
    let started = Instant::now();
    let window = if options.quick {
        group.window / 4
    } else {
        group.window
    };
    let mut cases = Vec::new();
    for key in &group.keys {
        cases.push(Turns::new(programs, key, window, group.ops)?);
    }
    let mut round = 0;
    loop {
        // There and back again, so that nobody always follows the same one.
        let order: Vec<usize> = if round % 2 == 0 {
            (0..cases.len()).collect()
        } else {
            (0..cases.len()).rev().collect()
        };
        for at in order {
            cases[at].turn(programs)?;
        }
        round += 1;
        let each = started.elapsed() / round as u32;
        let late = started.elapsed() + each > share;
        let quiet = cases.iter().map(Turns::undisturbed).min().unwrap_or(0);
        let enough = round >= options.rounds && (options.quick || quiet >= WANTED);
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

/// One contender, whose turn comes again and again.
struct Turns {
    key: Key,
    /// One process for all runs, or else one for each.
    server: Option<Server>,
    ops: u64,
    runs: Vec<Run>,
}

impl Turns {
    fn new(programs: &Programs, key: &Key, window: Duration, ops: Option<u64>) -> Result<Self> {
        let mut server = programs.serve(key)?;
        let ops = match ops {
            Some(ops) => ops,
            None => fitting(&mut server, window)?,
        };
        Ok(Self {
            key: key.clone(),
            server: (!programs.is_fresh(key)?).then_some(server),
            ops,
            runs: Vec::new(),
        })
    }

    fn turn(&mut self, programs: &Programs) -> Result {
        let run = match &mut self.server {
            Some(server) => server.run(self.ops)?,
            None => programs.serve(&self.key)?.run(self.ops)?,
        };
        self.runs.push(run);
        Ok(())
    }

    fn undisturbed(&self) -> usize {
        self.runs.iter().filter(|run| run.is_undisturbed()).count()
    }
}

/// How many operations take about as long as the window.
fn fitting(server: &mut Server, window: Duration) -> Result<u64> {
    let mut ops = 100;
    loop {
        let started = Instant::now();
        server.run(ops)?;
        let took = started.elapsed().max(Duration::from_micros(1));
        if took * 4 > window {
            let fitting = ops as f64 * window.as_secs_f64() / took.as_secs_f64();
            return Ok((fitting as u64).max(1));
        }
        ops *= 4;
    }
}
