//! What it costs to depend on a crate: how many crates come with it, and how long they take to build.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::chapter;
use crate::result::Result;
use crate::workspace;

/// The heading of the chapter in BENCHMARKS.md.
const HEADING: &str = "## What it costs to depend on it";

/// How often each subject is built in each way. The quickest build counts: other processes can only slow one down.
const ROUNDS: usize = 3;

/// A program that depends on one crate.
struct Subject {
    name: &'static str,
    dependency: &'static str,
    uses: &'static str,
}

const SUBJECTS: [Subject; 3] = [
    Subject {
        name: "soiree, as it is by default",
        dependency: "soiree = { path = \"SOIREE\" }",
        uses: "let _ = soiree::EventPool::new();",
    },
    Subject {
        name: "tokio broadcast: `sync` alone, without a runtime",
        dependency: "tokio = { version = \"1\", default-features = false, features = [\"sync\"] }",
        uses: "let _ = tokio::sync::broadcast::channel::<u64>(1);",
    },
    Subject {
        name: "mod-events, as it is by default",
        dependency: "mod-events = \"1.1\"",
        uses: "let _ = mod_events::EventDispatcher::new();",
    },
];

/// What was found for a subject.
struct Cost {
    crates: Vec<String>,
    /// The time and the CPU time of a build without and with optimization.
    builds: [(Duration, Duration); 2],
}

/// Measures the chapter, and puts it into BENCHMARKS.md, whose other chapters stay as they are.
pub(crate) fn write_chapter() -> Result {
    chapter::write(&chapter()?)
}

fn chapter() -> Result<String> {
    let folder = workspace::target()?.join("minimal");
    let note = note(&fs::read_to_string("/proc/loadavg")?);
    let mut costs = Vec::new();
    for (number, subject) in SUBJECTS.iter().enumerate() {
        costs.push(measure(subject, &folder.join(number.to_string()))?);
    }
    fs::remove_dir_all(&folder)?;
    let cores = std::thread::available_parallelism()?;
    let mut text = format!(
        "{HEADING}\n\nA program that depends on one crate. Counted are the crates that Cargo builds for it, on this system. Built on {cores} cores from \
         nothing, but for downloads; the quickest of {ROUNDS} builds, in s. The program is linked, too.{note}\n\n\
         | depends on | crates | `cargo build` | CPU time | `cargo build --release` | CPU time |\n|---|---|---|---|---|---|\n"
    );
    for (subject, cost) in SUBJECTS.iter().zip(&costs) {
        let _ = write!(text, "| {} | {} |", subject.name, cost.crates.len());
        for (time, cpu) in cost.builds {
            let _ = write!(
                text,
                " {:.1} | {:.1} |",
                time.as_secs_f64(),
                cpu.as_secs_f64()
            );
        }
        text.push('\n');
    }
    let of_soiree = costs[0].crates.iter();
    let (ours, others): (Vec<&str>, Vec<&str>) = of_soiree
        .map(String::as_str)
        .partition(|name| name.starts_with("soiree"));
    let _ = writeln!(
        text,
        "\nsoiree consists of {} crates itself, and builds these of others: {}.",
        ours.len(),
        others.join(", ")
    );
    Ok(text)
}

fn measure(subject: &Subject, folder: &Path) -> Result<Cost> {
    fs::create_dir_all(folder.join("src"))?;
    let facade = workspace::root()
        .join("crates/soiree")
        .display()
        .to_string();
    let dependency = subject.dependency.replace("SOIREE", &facade);
    let manifest = format!(
        "[package]\nname = \"minimal\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependency}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(
        folder.join("src/main.rs"),
        format!("fn main() {{\n    {}\n}}\n", subject.uses),
    )?;
    // The versions that the other chapters measure.
    fs::copy(
        workspace::root().join("Cargo.lock"),
        folder.join("Cargo.lock"),
    )?;
    run(folder, &["fetch", "--quiet"])?;
    Ok(Cost {
        crates: crates(folder)?,
        builds: [build(folder, &[])?, build(folder, &["--release"])?],
    })
}

/// The crates that are built for the program, without itself.
fn crates(folder: &Path) -> Result<Vec<String>> {
    let mut tree = workspace::cargo();
    tree.current_dir(folder).args([
        "tree",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let listed = String::from_utf8(tree.output()?.stdout)?;
    let names = listed.lines().filter_map(|line| line.split(' ').next());
    let names: BTreeSet<&str> = names
        .filter(|name| !name.is_empty() && *name != "minimal")
        .collect();
    Ok(names.into_iter().map(String::from).collect())
}

/// What has to be said if others use the machine. `load` is that of before the first build.
fn note(load: &str) -> &'static str {
    let busy = load.split(' ').next().and_then(|load| load.parse().ok());
    match busy.is_some_and(|load: f64| load >= 1.0) {
        true => " Other processes used the machine meanwhile: only the CPU times compare.",
        false => "",
    }
}

/// The quickest build from nothing.
fn build(folder: &Path, options: &[&str]) -> Result<(Duration, Duration)> {
    let target = folder.join("target");
    let mut quickest: Option<(Duration, Duration)> = None;
    for _ in 0..ROUNDS {
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        let (started, before) = (Instant::now(), cpu_of_children()?);
        run(folder, &[&["build", "--quiet"], options].concat())?;
        let took = (started.elapsed(), cpu_of_children()? - before);
        quickest = Some(quickest.map_or(took, |best| (best.0.min(took.0), best.1.min(took.1))));
    }
    Ok(quickest.unwrap_or_default())
}

fn run(folder: &Path, args: &[&str]) -> Result {
    let mut cargo = workspace::cargo();
    // As a user builds it, whatever is set where the report is made.
    for variable in ["CARGO_INCREMENTAL", "CARGO_PROFILE_DEV_DEBUG", "RUSTFLAGS"] {
        cargo.env_remove(variable);
    }
    let target = folder.join("target");
    cargo
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", PathBuf::from(&target));
    match workspace::status(cargo, "cargo", &[], args)? {
        Some(0) => Ok(()),
        _ => Err(format!("failed in {}: cargo {}", folder.display(), args.join(" ")).into()),
    }
}

/// The CPU time of all processes that this one has started and waited for, and of theirs.
fn cpu_of_children() -> Result<Duration> {
    // One hundredth of a second on every Linux that Rust supports.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in brackets, and may have blanks.
    let (_, fields) = stat
        .rsplit_once(") ")
        .ok_or("/proc/self/stat has no name")?;
    let ticks = fields.split(' ').skip(13).take(2).map(str::parse::<u32>);
    Ok(TICK * ticks.sum::<std::result::Result<u32, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_machine_is_noted() {
        assert_eq!(note("0.08 0.40 2.00 1/120 4711\n"), "");
        assert!(note("6.53 12.12 14.34 9/420 4711\n").contains("only the CPU times compare"));
    }

    #[test]
    fn the_cpu_time_of_children_is_known() {
        assert!(cpu_of_children().is_ok());
    }
}
