//! The texts of the compiler for listeners that cannot work. They say what to write instead.

use std::process::Command;

/// Each version of the compiler puts its own words around ours. The expected texts are of this one.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn a_listener_that_cannot_work_is_an_error_that_says_what_to_write() {
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| String::from("rustc"));
    let version = Command::new(compiler).arg("--version").output();
    let version = version.expect("the compiler runs").stdout;
    let version = String::from_utf8_lossy(&version);
    if !version.starts_with(COMPILER) {
        eprintln!("skipped: the expected texts are of {COMPILER}*, and this is {version}");
        return;
    }
    let tests = trybuild::TestCases::new();
    tests.compile_fail("tests/listeners/*.rs");
    tests.pass("tests/right/*.rs");
}
