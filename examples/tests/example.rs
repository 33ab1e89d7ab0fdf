//! Running an example.

use std::env::consts::EXE_EXTENSION;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Returns the example that Cargo built together with this test. `cargo test --test NAME` builds no examples: then it is built
/// here.
pub(crate) fn example(name: &str) -> Command {
    let this = std::env::current_exe().expect("a test knows its own path");
    let profile = this
        .parent()
        .and_then(Path::parent)
        .expect("target/<profile>/deps");
    let built = profile
        .join("examples")
        .join(name)
        .with_extension(EXE_EXTENSION);
    if !built.exists() {
        let profile_name = match profile.file_name().and_then(OsStr::to_str) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let build = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "-p",
                env!("CARGO_PKG_NAME"),
                "--all-features",
            ])
            .args(["--example", name])
            .args(["--profile", profile_name, "--target-dir"])
            .arg(profile.parent().expect("target"))
            .output()
            .expect("cargo starts");
        assert!(
            build.status.success(),
            "{}",
            String::from_utf8_lossy(&build.stderr)
        );
    }
    Command::new(built)
}
