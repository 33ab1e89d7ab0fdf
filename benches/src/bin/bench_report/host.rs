//! The machine, and how busy it is.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::result::Result;

/// What the report says about the machine.
pub(crate) struct Host {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    pub(crate) commit: String,
    /// The crates that are compared, with their versions.
    pub(crate) versions: Vec<(String, String)>,
}

/// The crates that are compared.
const CRATES: [&str; 15] = [
    "crossbeam-channel",
    "hey_listen",
    "mimalloc",
    "mod-events",
    "mqtt-topic-engine",
    "mqtt_topic_tree",
    "quill-pubsub",
    "rayon",
    "rs_events",
    "rusqlite",
    "rusty_pool",
    "signals2",
    "soiree",
    "threadpool",
    "tokio",
];

impl Host {
    pub(crate) fn detect() -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = field(&meminfo, "MemTotal")
            .split(' ')
            .next()
            .map(str::parse);
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let lock = fs::read_to_string(root.join("Cargo.lock"))?;
        let mut versions = versions(&lock, &CRATES);
        for (folder, queue) in [("apalis", "apalis-sqlite"), ("effectum", "effectum")] {
            let lock = root.join("benches/queues").join(folder).join("Cargo.lock");
            versions.extend(self::versions(&fs::read_to_string(lock)?, &[queue]));
        }
        Ok(Self {
            processor: field(&cpuinfo, "model name").into(),
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: match kib {
                Some(Ok(kib)) => {
                    let kib: u64 = kib;
                    kib >> 20
                }
                _ => 0,
            },
            kernel: output("uname", &["-sr"], &root),
            rustc: output("rustc", &["--version"], &root),
            commit: output("git", &["describe", "--always", "--dirty"], &root),
            versions,
        })
    }
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .find(|(found, _)| found.trim() == name)
        .map_or("unknown", |(_, value)| value.trim())
}

fn output(program: &str, args: &[&str], folder: &Path) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output();
    let output = output.ok().filter(|output| output.status.success());
    let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
    text.map_or_else(|| "unknown".into(), |text| text.trim().into())
}

fn versions(lock: &str, crates: &[&str]) -> Vec<(String, String)> {
    let mut lines = lock.lines();
    let mut versions = Vec::new();
    while let Some(line) = lines.next() {
        let Some(name) = value(line, "name") else {
            continue;
        };
        let version = lines.next().and_then(|line| value(line, "version"));
        if let (true, Some(version)) = (crates.contains(&name), version) {
            versions.push((name.into(), version.into()));
        }
    }
    versions
}

fn value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?.trim_start().strip_prefix('=')?;
    Some(value.trim().trim_matches('"'))
}

/// The CPU time that all processes have used since the machine started, including the time that a hypervisor took away.
pub(crate) fn busy_time() -> Result<Duration> {
    // One hundredth of a second on every Linux that Rust supports.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string("/proc/stat").map_err(|error| {
        format!("/proc/stat: {error}: the load of other processes is known only on Linux")
    })?;
    let mut fields = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1);
    let mut ticks = |skipped: usize| {
        fields
            .nth(skipped)
            .and_then(|field| field.parse::<u32>().ok())
    };
    // user, nice, system; then, after idle and iowait: irq, softirq, steal
    let parts = [0, 0, 0, 2, 0, 0].map(|skipped| ticks(skipped).unwrap_or(0));
    Ok(TICK * parts.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_a_lock_file() {
        let lock = "[[package]]\nname = \"rayon\"\nversion = \"1.2.3\"\n\n[[package]]\nname = \"else\"\nversion = \"4.5.6\"\n";
        assert_eq!(versions(lock, &CRATES), [("rayon".into(), "1.2.3".into())]);
    }

    #[test]
    fn the_machine_has_been_busy_since_it_started() {
        assert!(busy_time().unwrap() > Duration::ZERO);
    }
}
