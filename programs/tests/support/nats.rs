//! The server of NATS.

use std::path::PathBuf;
use std::process::Command;

/// The server: in `NATS_SERVER`, in `target/tools`, or on the `PATH`. `None` without one; says so.
pub(crate) fn nats_server() -> Option<PathBuf> {
    let tool = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/tools/nats/bin/nats-server"
    );
    let named = std::env::var_os("NATS_SERVER").map(PathBuf::from);
    let mut programs = named.into_iter().chain([tool.into(), "nats-server".into()]);
    let found = programs.find(|program| Command::new(program).arg("--version").output().is_ok());
    if found.is_none() {
        let must_run = std::env::var_os("SOIREE_TESTS_MUST_RUN").is_some();
        assert!(!must_run, "there is no `nats-server`");
        println!("skipped: there is no `nats-server`; set NATS_SERVER to where it is");
    }
    found
}
