//! The commands as a whole.

use std::process::{Command, Output};

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_ingest"))
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .expect("the example starts");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

/// D1, D3, D4, D5, D11, D19: whenever it is killed, nothing is lost, and what index counts is exact.
#[test]
fn nothing_is_lost_over_five_kills() {
    let (code, stdout, stderr) = run(&["--prove", "--kills", "5", "--seconds", "6"], &[]);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    assert!(stdout.ends_with("nothing was lost\n"), "{stdout}");
    let value = |name: &str| -> u64 {
        let line = stdout
            .lines()
            .find(|line| line.starts_with(name))
            .expect("the line");
        line.split_whitespace()
            .nth(1)
            .expect("a word")
            .parse()
            .expect("a number")
    };
    assert_eq!(value("stored"), value("accepted"));
    assert_eq!(value("transactional"), value("accepted"));
}

/// Somebody who waits for a kill sees that it goes on, where there is no terminal too.
#[test]
fn progress_is_printed_while_nothing_is_killed() {
    let (code, stdout, stderr) = run(&["--prove", "--kills", "0", "--seconds", "7"], &[]);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    let is_printed = stderr.lines().any(|line| line.starts_with("0 kills, "));
    assert!(is_printed, "{stderr}");
}

/// The measurement runs, and says what it measures.
#[test]
fn the_measurement_prints_latencies_and_the_ratio() {
    let arguments = ["--bench", "--seconds", "6", "--rate", "20"];
    let (code, stdout, stderr) = run(&arguments, &[]);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    for part in [
        "raw SQLite: ",
        "20/s, nothing else to do: 40 requests, p50 ",
        "20/s, forward and export busy: 40 requests, p50 ",
        "p50 with busy listeners / p50 without: ",
        "p99 with busy listeners / p99 without: ",
    ] {
        assert!(stdout.contains(part), "no {part:?} in {stdout}");
    }
    let tail = stdout
        .lines()
        .find_map(|line| line.strip_prefix("p99 with busy listeners / p99 without: "));
    let holds = tail.expect("the ratio").parse::<f64>().expect("a number") < 2.0;
    let verdict = if holds { "hold" } else { "do not hold" };
    let verdict = format!("\nbulkheads {verdict} (");
    let none = !holds && stdout.contains("\nno verdict: index and mail were busy too (");
    assert!(
        none || stdout.contains(&verdict),
        "no {verdict:?} in {stdout}"
    );
}

/// A wrong option is named with its value.
#[test]
fn a_wrong_option_is_named_with_its_value() {
    let cases: [(&[&str], &str); 17] = [
        (&["--data", ""], "--data \"\": name a folder"),
        (&["--port", "1"], "invalid option '--port'"),
        (
            &["--bind", "localhost"],
            "--bind localhost: invalid socket address syntax",
        ),
        (
            &["--bind", "0.0.0.0:80"],
            "--bind 0.0.0.0:80: others reach this address, and could read payloads and redrive events; add --expose if they may",
        ),
        (&["--flaky", "101"], "--flaky 101: it is from 0 to 100"),
        (
            &["--mail", "0/4"],
            "--mail 0/4: it is N/M, with N from 1 to 1000 and M up to 1000000, such as 2/32",
        ),
        (
            &["--mail", "2/1000001"],
            "--mail 2/1000001: it is N/M, with N from 1 to 1000 and M up to 1000000, such as 2/32",
        ),
        (
            &["--forward-to", "ftp://x/"],
            "--forward-to ftp://x/: it starts with http://",
        ),
        (&["--kills", "3"], "--kills is for --prove"),
        (&["--keep", "0"], "--keep 0: it is from 1 to 31536000"),
        (
            &["--keep-mails", "0"],
            "--keep-mails 0: it is from 1 to 1000000000",
        ),
        (
            &["--forward-rate", "0"],
            "--forward-rate 0: it is from 1 to 1000",
        ),
        (
            &["--connections", "many"],
            "--connections many: invalid digit found in string",
        ),
        (
            &["--prove", "--flaky", "50"],
            "--flaky cannot be chosen: --prove and --bench start the service with options of their own",
        ),
        (
            &["--data", "x", "--bench"],
            "--data cannot be chosen: --prove and --bench start the service with options of their own",
        ),
        (
            &["--prove", "--webhooks", "nowhere"],
            "--webhooks nowhere: No such file or directory (os error 2)",
        ),
        (
            &["--data", "/dev/null/x"],
            "--data /dev/null/x: Not a directory (os error 20)",
        ),
    ];
    for (arguments, why) in cases {
        let (code, stdout, stderr) = run(arguments, &[]);
        assert_eq!((code, &*stdout), (Some(2), ""), "{arguments:?}: {stderr}");
        assert_eq!(stderr, format!("ingest: {why}\n"), "{arguments:?}");
    }
    let empty = [("INGEST_SECRET_SHOP", "")];
    let (code, _, stderr) = run(&[], &empty);
    let why = "ingest: INGEST_SECRET_SHOP is empty: unset it, or set a secret\n";
    assert_eq!((code, &*stderr), (Some(2), why));
    for name in [
        "INGEST_SECRET_shop",
        "INGEST_SECRET_MY-SHOP",
        "INGEST_SECRET_",
    ] {
        let (code, _, stderr) = run(&[], &[(name, "open sesame")]);
        let why = format!(
            "ingest: {name} is for no source: after INGEST_SECRET_ comes the source, of A-Z, 0-9 and _\n"
        );
        assert_eq!((code, stderr), (Some(2), why));
    }
}
