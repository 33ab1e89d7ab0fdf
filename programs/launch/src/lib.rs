//! Starts the programs of the package `soiree-programs`, so that `cargo run --example NAME` runs them like the small examples.
//!
//! Cargo builds a crate once for all packages of a selection, with every feature that one of them asks for. The packages that are
//! selected in the root of the repository are those of the small examples and of these launchers. With the programs among them,
//! `quickstart` would be built with SQLite, NATS and a web server. So a launcher starts another Cargo, which selects the programs.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const CANNOT_RUN: u8 = 2;

/// Builds a program and becomes it: in the same profile as this launcher, with the same arguments, and in the current directory.
/// Returns only if it cannot be started, after it has said why.
///
/// Where a process cannot become another one, this waits for its end and returns its exit code.
pub fn run(program: &str) -> ExitCode {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| env!("CARGO").into());
    let mut command = Command::new(&cargo);
    command.args(["run", "--bin", program, "--manifest-path"]);
    command.arg(programs().join("Cargo.toml"));
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.arg("--").args(env::args_os().skip(1));
    outside_of_package(&mut command);
    match become_it(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{program}: cannot start {cargo:?}: {error}");
            ExitCode::from(CANNOT_RUN)
        }
    }
}

/// Removes what Cargo tells a program of its package from the environment of a command, which may be another Cargo. There are build
/// scripts that run again if it has changed, such as that of `ring`, and all that depends on them would be built again each time.
pub fn outside_of_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}

/// The folder of the programs.
fn programs() -> PathBuf {
    // At run time first: a launcher in a shared target directory may have been built in another checkout.
    let launch = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    launch.parent().unwrap_or(Path::new("..")).into()
}

/// Signals reach the program, as it has the process of this launcher.
#[cfg(unix)]
fn become_it(mut command: Command) -> std::io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> std::io::Result<ExitCode> {
    let code = command.status()?.code().unwrap_or_default();
    Ok(u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from))
}
