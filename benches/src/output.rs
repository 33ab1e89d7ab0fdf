//! What a program prints.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program, and returns the lines that it prints. What it writes to standard error is shown.
///
/// # Errors
/// If the program cannot be started, fails, or prints what is no text.
pub fn output_lines(program: &Path, args: &[&str]) -> Result<Vec<String>, Box<dyn Error>> {
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
