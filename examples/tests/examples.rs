//! Every example succeeds and prints what it demonstrates.

use std::env::consts::EXE_EXTENSION;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Returns the example that Cargo built together with this test. `cargo test --test NAME` builds no examples: then it is built
/// here.
fn example(name: &str) -> Command {
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

#[track_caller]
fn assert_prints(name: &str, expected: &[&str]) {
    let output = example(name).output().expect("the example starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{name}: {}\n{stdout}\n{stderr}",
        output.status
    );
    for start in ["shows: ", "why: "] {
        let says = |line: &str| line.len() > start.len() && line.starts_with(start);
        assert!(
            stdout.lines().any(says),
            "{name}: no {start:?} in\n{stdout}"
        );
    }
    for line in expected {
        assert!(
            stdout.lines().any(|found| found == *line),
            "{name}: no {line:?} in\n{stdout}"
        );
    }
}

#[test]
fn custom_pool() {
    assert_prints(
        "custom_pool",
        &["a plain job", "heard: report.weekly", "jobs run: 3"],
    );
}

#[test]
fn quickstart() {
    assert_prints(
        "quickstart",
        &[
            "welcome, Matty Ice",
            "listeners called: 2",
            "audit: user.deleted",
        ],
    );
}

#[test]
fn plugins() {
    assert_prints(
        "plugins",
        &[
            "chair: 10489 cents, 2 surcharges",
            r#"unicorn: vetoed by Some("stock"): Some("out of stock")"#,
            "shipped: chair",
        ],
    );
}

#[test]
fn error_handling() {
    assert_prints(
        "error_handling",
        &[
            "4200 cents: ok, swallowed errors: 0",
            "0 cents: ok, swallowed errors: 1",
            "the error returns the payload: 1 cents",
        ],
    );
}

#[test]
fn ordering_and_abort() {
    assert_prints(
        "ordering_and_abort",
        &[
            "3. charge 3700 cents",
            "called 3, aborted: false",
            "called 1, aborted: true",
        ],
    );
}

#[test]
fn panics() {
    assert_prints(
        "panics",
        &[
            "thumbnails panicked: uploads carry their size",
            "1 of 2 listeners failed",
            "the next event succeeds: true",
        ],
    );
}

#[test]
fn bounded_pools() {
    assert_prints(
        "bounded_pools",
        &[
            "accepted: mail 3",
            "rejected: Some(\"mail 4\"), because the queue is full (2 waiting)",
            "waiting 2 of 2, rejected 1",
            "submitted 3, successful 3",
        ],
    );
}

#[test]
fn custom_ids() {
    assert_prints(
        "custom_ids",
        &[
            "listener: a UUID of version 4",
            "event: 67e55044-10b1-426f-9247-bb680e5fe0c8",
            "request: Some(Text(\"r-17\"))",
        ],
    );
}

#[test]
fn observer() {
    assert_prints(
        "observer",
        &[
            "mailer still runs, for mail.queued",
            "mailer has ended",
            "rejected: mail.queued",
            "2 failed, 1 rejected",
        ],
    );
}

#[test]
fn wildcards() {
    assert_prints(
        "wildcards",
        &[
            "acme.paid: 2 (acme.**, **.paid)",
            "nobody listens to acme",
            "*.eve.* matches globex.eve.login: true",
        ],
    );
}

#[test]
fn graph() {
    assert_prints(
        "graph",
        &[
            "user.created has 2 listeners",
            "  audit: highest on user.**, registered at examples/graph.rs:23:12",
            "nobody listens to order.created",
        ],
    );
}

#[test]
fn async_listeners() {
    assert_prints(
        "async_listeners",
        &[
            "delivered: 500",
            "mail to matty@example.org at attempt 3",
            "left at the deadline: 1",
            "Cancelled",
        ],
    );
}

#[test]
fn tracing() {
    assert_prints("tracing", &["called 3, failed 1"]);
}
