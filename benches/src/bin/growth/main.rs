//! Measures how costs grow with the size of a program: time, and the memory that is retained. See `--help`.

mod chapter;
mod options;
mod plots;
mod point;
mod result;
mod series;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use soiree_benches::{Growth, growths, output_lines};

use self::options::{Options, USAGE};
use self::result::Result;
use self::series::Series;

/// The largest size with `--quick`.
const QUICK: u64 = 10_000;
/// How often a size is measured, unless that takes long.
const ROUNDS: usize = 3;
const LONG: Duration = Duration::from_secs(3);

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
    let Some(options) = Options::from_args()? else {
        println!("{USAGE}");
        return Ok(());
    };
    let growths = growths();
    if let Some((name, size)) = &options.point {
        let growth = growths.iter().find(|growth| growth.name == name);
        let growth = growth.ok_or_else(|| format!("no growth {name:?}"))?;
        for (operation, cost) in point::measure(growth, *size, options.quick) {
            println!("{operation}\t{cost}");
        }
        // Threads that rest are not waited for.
        std::process::exit(0);
    }
    let word = options.only.as_deref().unwrap_or_default();
    print!("{}", chapter::preface());
    for growth in growths.iter().filter(|growth| growth.name.contains(word)) {
        let started = Instant::now();
        let series = measure(growth, &options)?;
        let file = options.plots.as_ref().map(|folder| {
            let file = plots::file(growth.name);
            (Path::new(folder).join(&file), file)
        });
        if let Some((path, _)) = &file {
            plots::draw(growth.name, &series, path)?;
        }
        let file = file.as_ref().map(|(_, file)| file.as_str());
        print!("{}", chapter::section(growth, &series, file));
        eprintln!("{}: {:.0} s", growth.name, started.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Every cost at every size.
fn measure(growth: &Growth, options: &Options) -> Result<Vec<Series>> {
    let of_law = |&(name, expected)| Series {
        name,
        expected,
        points: Vec::new(),
    };
    let mut series: Vec<Series> = growth.laws.iter().map(of_law).collect();
    let most = if options.quick { QUICK } else { u64::MAX };
    for &size in growth.sizes.iter().filter(|size| **size <= most) {
        let costs = costs(growth, size, options)?;
        for one in &mut series {
            let cost = costs.iter().find(|(name, _)| name == one.name);
            let (_, cost) = cost.ok_or_else(|| format!("{}: no {}", growth.name, one.name))?;
            one.points.push((size, *cost));
        }
    }
    Ok(series)
}

/// The lowest costs of several processes, and the memory.
fn costs(growth: &Growth, size: u64, options: &Options) -> Result<Vec<(String, f64)>> {
    let this = std::env::current_exe()?;
    let number = size.to_string();
    let mut args = vec!["point", growth.name, &number];
    if options.quick {
        args.push("--quick");
    }
    let mut lowest: Vec<(String, f64)> = Vec::new();
    for _ in 0..if options.quick { 1 } else { ROUNDS } {
        let started = Instant::now();
        let found = lines(&this, &args)?;
        lowest = match lowest.is_empty() {
            true => found,
            false => {
                let pairs = lowest.into_iter().zip(found);
                pairs
                    .map(|((name, one), (_, two))| (name, one.min(two)))
                    .collect()
            }
        };
        if started.elapsed() > LONG {
            break;
        }
    }
    if growth.laws.iter().any(|(name, _)| *name == "memory") {
        let memory = this.with_file_name("memory");
        lowest.extend(lines(&memory, &["growth", growth.name, &number])?);
    }
    Ok(lowest)
}

/// What a program prints: names and numbers, separated by tabs.
fn lines(program: &Path, args: &[&str]) -> Result<Vec<(String, f64)>> {
    let printed = output_lines(program, args)?;
    let lines = printed.iter().map(|line| {
        let pair = line.split_once('\t');
        let (name, number) = pair.ok_or_else(|| format!("not a name and a number: {line:?}"))?;
        Ok((name.into(), number.parse()?))
    });
    lines.collect()
}
