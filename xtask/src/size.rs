//! Measures how many bytes one more payload type adds to a program.

use std::fs;

use crate::result::Result;
use crate::workspace;

/// Builds a program with one payload type and one with thirty, and compares their sizes.
pub(crate) fn run() -> Result {
    let [one, thirty] = [size(&["--features", "one-payload"])?, size(&[])?];
    println!("a program that emits 1 payload type: {one} bytes");
    println!("a program that emits 30 payload types: {thirty} bytes");
    println!("each further type: {} bytes", (thirty - one) / 29);
    Ok(())
}

/// The size in bytes of the stripped program, built as `cargo build --release` does.
fn size(features: &[&str]) -> Result<u64> {
    let target = workspace::target()?.join("size");
    let folder = target.to_string_lossy();
    let build = [
        "build",
        "--quiet",
        "--profile",
        "no-lto",
        "--package",
        "soiree-benches",
        "--bin",
        "payload-types",
        "--config",
        "profile.no-lto.strip=true",
        "--target-dir",
        &folder,
    ];
    workspace::run(&[&build, features].concat())?;
    Ok(fs::metadata(target.join("no-lto").join("payload-types"))?.len())
}
