//! Counts instructions, with valgrind.

use std::error::Error;
use std::path::Path;
use std::process::Command;

/// Instructions per operation: the difference between many and few operations, so that the setup is not counted. Those of all threads.
///
/// Does not work with 100,000 patterns: hashes are seeded per process, so the instructions of the setup vary by more than the operations
/// take.
pub(crate) fn per_op(program: &Path, workload: &str, subject: &str) -> Result<f64, Box<dyn Error>> {
    const FEW: u64 = 2_000;
    const MANY: u64 = 32_000;
    let [few, many] = [FEW, MANY].map(|ops| count(program, workload, subject, ops));
    Ok((many? - few?) / (MANY - FEW) as f64)
}

/// The instructions of a process that runs a case with this number of operations.
fn count(program: &Path, workload: &str, subject: &str, ops: u64) -> Result<f64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["once", workload, subject, &ops.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let status = output.status;
        return Err(format!("{workload} of {subject} under valgrind: {status}\n{log}").into());
    }
    collected(&log).ok_or_else(|| format!("valgrind did not count {workload}:\n{log}").into())
}

fn collected(log: &str) -> Option<f64> {
    let line = log.lines().find(|line| line.contains("Collected :"))?;
    line.split(':').next_back()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_valgrind_is_found() {
        let log =
            "==1== Events    : Ir\n==1== Collected : 1234567\n==1== \n==1== I   refs:  1,234,567\n";
        assert_eq!(collected(log), Some(1_234_567.0));
        assert_eq!(collected("==1== no such tool"), None);
    }
}
