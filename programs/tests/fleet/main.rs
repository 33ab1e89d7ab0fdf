//! The example `fleet`: three processes and a NATS server.
#![cfg(unix)]

#[path = "../support/nats.rs"]
mod nats;

use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::nats::nats_server;

/// Longer than any working machine takes.
const TIME_LIMIT: Duration = Duration::from_secs(120);

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleet"));
    if let Some(server) = nats_server() {
        command.env("NATS_SERVER", server);
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command
        .args(arguments)
        .output()
        .expect("the example starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

/// N1, N2, N8, N11: processes and the server are killed, and each order that was accepted is published once, handled, and handled in its turn.
#[test]
fn nothing_is_lost_over_kills_of_processes_and_of_the_server() {
    if nats_server().is_none() {
        return;
    }
    let (code, stdout, stderr) = run(&["--prove", "--kills", "3", "--seconds", "5"]);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    let verdict = "nothing was lost, and each account is in order\n";
    assert!(stdout.ends_with(verdict), "{stdout}");
    let value = |name: &str| -> u64 {
        let line = stdout.lines().find_map(|line| line.strip_prefix(name));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.expect("the line").parse().expect("a number")
    };
    assert_eq!(value("published"), value("accepted"));
    assert_eq!(value("handled"), value("accepted"));
    assert!(value("elsewhere") > 0, "{stdout}");
    assert!(
        stdout.contains("2 times a process, 1 times the server"),
        "{stdout}"
    );
}

/// N9: Ctrl-C ends the processes and the server in order.
#[test]
fn a_signal_ends_everything_in_order() {
    let Some(server) = nats_server() else {
        return;
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_fleet"))
        .env("NATS_SERVER", server)
        .args(["--rate", "50"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let (send, printed) = mpsc::channel();
    let stdout = child.stdout.take().expect("it is piped");
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
    let next = || printed.recv_timeout(TIME_LIMIT);
    let nats = next().expect("the address of the server");
    let address = nats.strip_prefix("nats://").expect("an address").to_owned();
    // Every process handles some, and of those some that another one has accepted.
    let mut busy = [false; 3];
    while busy != [true; 3] {
        let line = next().expect("a line for each process");
        let words: Vec<usize> = line
            .split_whitespace()
            .map_while(|word| word.parse().ok())
            .collect();
        if let [index, .., elsewhere] = words[..] {
            busy[index] |= elsewhere > 0;
        }
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
    while next().is_ok() {}
    let status = child.wait().expect("it was not waited for");
    assert_eq!(status.code(), Some(0));
    std::net::TcpStream::connect(address).expect_err("the server has ended");
}

/// Without a server, it says where to get one; a wrong option is named with its value.
#[test]
fn what_is_wrong_is_named() {
    let (code, stdout, stderr) = run(&["--nats-server", "/nowhere/nats-server"]);
    assert_eq!((code, &*stdout), (Some(2), ""), "{stderr}");
    let start = "fleet: no NATS server runs as /nowhere/nats-server: No such file or directory";
    assert!(stderr.starts_with(start), "{stderr}");
    assert!(
        stderr.contains("https://github.com/nats-io/nats-server/releases"),
        "{stderr}"
    );
    for (arguments, why) in [
        (&["--port", "1"][..], "invalid option '--port'"),
        (&["--kills", "3"], "--kills and --seconds are for --prove"),
        (&["--prove", "--rate", "3"], "--rate is not for --prove"),
        (&["--rate", "1001"], "--rate 1001: it is from 0 to 1000"),
        (
            &["--prove", "--kills", "x"],
            "--kills x: invalid digit found in string",
        ),
        (
            &["--data", "/dev/null/x"],
            "--data /dev/null/x: Not a directory (os error 20)",
        ),
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, &*stdout), (Some(2), ""), "{arguments:?}: {stderr}");
        assert_eq!(stderr, format!("fleet: {why}\n"), "{arguments:?}");
    }
}
