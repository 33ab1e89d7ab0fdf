//! The command line.

use std::net::TcpListener;
use std::process::Command;

use crate::service::Service;

#[track_caller]
fn assert_rejected(arguments: &[&str], reason: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_web_service"))
        .args(arguments)
        .output();
    let output = output.expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("web_service: "), "{said}");
    assert!(said.contains(reason), "no {reason:?} in {said}");
}

#[test]
fn bad_options_are_rejected_by_name() {
    assert_rejected(&["--bind", "localhost"], "--bind localhost: invalid socket");
    assert_rejected(&["--flaky", "101"], "--flaky 101: it is from 0 to 100");
    assert_rejected(&["--timeout", "0"], "--timeout 0: it is from 1 to 3600000");
    assert_rejected(
        &["--drain", "3600001"],
        "--drain 3600001: it is from 0 to 3600000",
    );
    assert_rejected(&["--queue", "many"], "--queue many: invalid digit");
    assert_rejected(
        &["--bind", "127.0.0.1:0", "--workers", "0"],
        "--workers 0 --queue 32: ",
    );
    assert_rejected(
        &["--bind", "127.0.0.1:0", "--queue", "99999999999"],
        "--queue 99999999999: ",
    );
    assert_rejected(&["--port"], "--port");
    assert_rejected(&["here"], "here");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_rejected(&["--bind", &address], &format!("--bind {address}: "));
}

#[test]
fn help_lists_the_options() {
    let output = Command::new(env!("CARGO_BIN_EXE_web_service"))
        .arg("--help")
        .output();
    let output = output.expect("it starts");
    assert!(output.status.success());
    let help = String::from_utf8_lossy(&output.stdout);
    for option in [
        "bind", "queue", "workers", "latency", "flaky", "timeout", "delay", "drain",
    ] {
        assert!(help.contains(&format!("--{option} ")), "{option}: {help}");
    }
}

#[test]
fn two_lines_to_try_are_printed() {
    let mut service = Service::start(&[]);
    let order = format!("curl -i {}orders -d ", service.url);
    let events = format!("curl -N {}events", service.url);
    for expected in [order, events] {
        service.printed(&expected, |line| line.contains(&expected).then_some(()));
    }
}
