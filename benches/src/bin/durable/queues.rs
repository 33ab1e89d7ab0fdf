//! Job queues on SQLite, each in a program of its own.

use std::path::Path;
use std::process::Command;

use crate::emitting::BYTES;
use crate::result::Result;

/// Builds the program of a queue.
pub(crate) fn build(queue: &str) -> Result {
    let built = cargo("build", queue).status()?;
    match built.success() {
        true => Ok(()),
        false => Err(format!("benches/queues/{queue} cannot be built").into()),
    }
}

/// Emits jobs that one worker handles. Returns how many in a second.
pub(crate) fn throughput(queue: &str, path: &Path, jobs: u64, emitters: u64) -> Result<f64> {
    let output = cargo("run", queue)
        .arg("--")
        .arg(path)
        .args([jobs, emitters, BYTES as u64].map(|number| number.to_string()))
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{queue}: {said}{errors}").into());
    }
    let seconds: f64 = said.trim().parse()?;
    Ok((jobs / emitters * emitters) as f64 / seconds)
}

fn cargo(command: &str, queue: &str) -> Command {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("queues")
        .join(queue);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args([command, "--release", "--quiet", "--manifest-path"])
        .arg(manifest.join("Cargo.toml"));
    cargo
}
