//! The workspace: its root, its files, and commands that run in it.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::result::Result;

/// The root of the checkout. It does not depend on the current directory.
pub(crate) fn root() -> PathBuf {
    // At run time first: a binary in a shared target directory may have been built in another checkout.
    let xtask = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask.parent().map_or(xtask.clone(), PathBuf::from)
}

/// The Cargo that runs this command, in the root of the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // As if it were started by hand. What Cargo says about the package `xtask` makes build scripts run again, such as that of `ring`.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Prints and runs a Cargo command.
pub(crate) fn run(args: &[&str]) -> Result {
    run_with(&[], args)
}

/// Like [`run`], with environment variables.
pub(crate) fn run_with(variables: &[(&str, &str)], args: &[&str]) -> Result {
    match status(cargo(), "cargo", variables, args)? {
        Some(0) => Ok(()),
        _ => Err(format!("failed: cargo {}", args.join(" ")).into()),
    }
}

/// Like [`run_with`], with the nightly Cargo.
pub(crate) fn run_nightly(variables: &[(&str, &str)], args: &[&str]) -> Result {
    let mut command = Command::new("rustup");
    command
        .current_dir(root())
        .args(["run", "nightly", "cargo"]);
    match status(command, "rustup run nightly cargo", variables, args)? {
        Some(0) => Ok(()),
        _ => Err(format!("failed: cargo {}", args.join(" ")).into()),
    }
}

/// Prints and runs a command, under the name given. Returns its exit code; `None` if a signal ended it.
pub(crate) fn status(
    mut command: Command,
    name: &str,
    variables: &[(&str, &str)],
    args: &[&str],
) -> Result<Option<i32>> {
    let set: String = variables
        .iter()
        .map(|(name, value)| format!("{name}={value:?} "))
        .collect();
    let shown = format!("{set}{name} {}", args.join(" "));
    eprintln!("$ {shown}");
    let status = command
        .envs(variables.iter().copied())
        .args(args)
        .status()
        .map_err(|error| format!("{shown}: {error}"))?;
    Ok(status.code())
}

/// The output of `cargo metadata` for the workspace's own crates.
pub(crate) fn metadata() -> Result<Value> {
    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    Ok(serde_json::from_str(&stdout(&mut command)?)?)
}

/// The folder that Cargo builds into.
pub(crate) fn target() -> Result<PathBuf> {
    let metadata = metadata()?;
    let target = metadata["target_directory"].as_str();
    Ok(target
        .ok_or("cargo metadata names no target directory")?
        .into())
}

/// The files of the checkout that match a pathspec: also untracked ones, but neither ignored nor deleted ones.
fn files(pathspecs: &[&str]) -> Result<Vec<String>> {
    let root = root();
    let mut command = Command::new("git");
    command.current_dir(&root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
    ]);
    let listed = stdout(command.args(pathspecs))?;
    let mut files: Vec<String> = listed
        .split_terminator('\0')
        .filter(|path| root.join(path).is_file())
        .map(String::from)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// The paths and texts of the files that match a pathspec.
pub(crate) fn texts(pathspecs: &[&str]) -> Result<Vec<(String, String)>> {
    let root = root();
    let mut texts = Vec::new();
    for path in files(pathspecs)? {
        let text =
            fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        texts.push((path, text));
    }
    Ok(texts)
}

fn stdout(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
