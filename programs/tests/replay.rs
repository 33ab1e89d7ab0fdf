//! Runs the `replay` example from its command line.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const WEBHOOKS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/data/github-webhooks.jsonl"
);

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// Returns the value of this line of the summary.
    #[track_caller]
    fn value(&self, name: &str) -> &str {
        self.stdout
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .unwrap_or_else(|| panic!("no {name:?} in\n{}\n{}", self.stdout, self.stderr))
    }

    #[track_caller]
    fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
    }
}

fn run(arguments: &[&str], stdin: &str) -> Ended {
    let mut child = Command::new(env!("CARGO_BIN_EXE_replay"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    // If it does not read its input, it may end before all is written.
    let _ = child
        .stdin
        .take()
        .expect("it is piped")
        .write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("the example ends");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn webhooks() -> Option<&'static str> {
    if Path::new(WEBHOOKS).exists() {
        return Some(WEBHOOKS);
    }
    eprintln!("skipped: there is no {WEBHOOKS}");
    None
}

#[test]
fn without_arguments_it_replays_the_sample() {
    let ended = run(&[], "");
    ended.assert_code(0);
    for name in ["events read", "emitted", "handled", "sink handled"] {
        assert_eq!(ended.value(name), "12", "{name}");
    }
    for name in ["bad lines", "rejected", "failed", "sink rejected"] {
        assert_eq!(ended.value(name), "0", "{name}");
    }
    let digest = "bdea3b021e3b90441584f7598f7d34afb43d7abfa5a83551cd0b8bf342d600e6";
    assert_eq!(ended.value("digest"), digest);
    assert!(ended.value("prefix acme.ann").starts_with("3 events, "));
    assert!(
        ended
            .value("main pool")
            .starts_with("submitted 12, successful 12, failed 0")
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn it_reads_standard_input_and_skips_blank_lines() {
    let ended = run(
        &["-"],
        "{\"topic\":\"a.b\"}\n\n  \r\n{\"topic\":\"a.c\",\"payload\":[1]}",
    );
    ended.assert_code(0);
    assert_eq!(ended.value("events read"), "2");
    assert_eq!(ended.value("handled"), "2");
}

#[test]
fn a_bad_line_is_reported_and_the_rest_goes_on() {
    for bad in [
        "{\"topic\":",
        "[1]",
        "{\"payload\":1}",
        "{\"topic\":7}",
        "{\"topic\":\"a..b\"}",
        "{\"topic\":\"a.*\"}",
        "{\"topic\":\"a\",\"properties\":[]}",
        "{\"topic\":\"a\",\"properties\":{\"big\":18446744073709551615}}",
        "{\"topic\":\"a\",\"properties\":{\"list\":[]}}",
    ] {
        let ended = run(
            &["-"],
            &format!("{{\"topic\":\"a\"}}\n{bad}\n{{\"topic\":\"b\"}}\n"),
        );
        ended.assert_code(1);
        assert!(
            ended.stderr.starts_with("replay: line 2: "),
            "{bad}: {}",
            ended.stderr
        );
        assert_eq!(ended.stderr.lines().count(), 1, "{bad}: {}", ended.stderr);
        assert_eq!(ended.value("events read"), "3", "{bad}");
        assert_eq!(ended.value("bad lines"), "1", "{bad}");
        assert_eq!(ended.value("handled"), "2", "{bad}");
    }
}

#[test]
fn strict_stops_at_the_first_bad_line() {
    let ended = run(
        &["--strict", "-"],
        "{\"topic\":\"a\"}\nnonsense\n{\"topic\":\"b\"}\n",
    );
    ended.assert_code(3);
    assert!(
        ended.stderr.contains("line 2: not JSON"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.value("events read"), "2");
    assert_eq!(ended.value("handled"), "1");
}

#[test]
fn wrong_usage_is_reported_with_the_value() {
    for (arguments, named) in [
        (
            &["--workers", "many"][..],
            "--workers: cannot parse argument \"many\"",
        ),
        (&["--workers", "0"], "--workers 0"),
        (&["--repeat", "0"], "--repeat: cannot parse argument \"0\""),
        (&["--slow=-1"], "\"-1\""),
        (&["--fast"], "--fast"),
        (&["--capacity"], "--capacity"),
        (&["one.jsonl", "two.jsonl"], "two.jsonl"),
        (&["-", "--repeat", "2"], "--repeat 2"),
        (&["no/such/file.jsonl"], "no/such/file.jsonl"),
        (&["."], ".: "),
    ] {
        let ended = run(arguments, "");
        ended.assert_code(2);
        assert!(
            ended.stderr.contains(named),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "", "{arguments:?}");
    }
}

#[test]
fn help_names_every_option() {
    let ended = run(&["--help"], "");
    ended.assert_code(0);
    for option in [
        "--workers",
        "--capacity",
        "--repeat",
        "--strict",
        "--slow",
        "--help",
    ] {
        assert!(ended.stdout.contains(option), "{option}");
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_replay"))
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    drop(child.stdout.take());
    // It writes nothing before standard input ends, so the reader is gone before the first write.
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("the example ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success(), "{}", output.status);
}

#[test]
fn a_slow_sink_that_is_not_waited_for_loses_its_own_events_only() {
    let ended = run(
        &[
            "--workers",
            "2",
            "--capacity",
            "1",
            "--slow",
            "50",
            "--shed",
        ],
        "",
    );
    ended.assert_code(0);
    assert_eq!(ended.value("handled"), "12");
    let sink = |name| ended.value(name).parse::<u64>().expect("a number");
    assert_eq!(sink("sink handled") + sink("sink rejected"), 12);
    assert!(sink("sink rejected") > 0);
}

#[test]
fn the_digest_depends_on_neither_order_nor_pool_size() {
    let Some(file) = webhooks() else { return };
    let narrow = run(&[file, "--workers", "2", "--capacity", "1"], "");
    let wide = run(&[file, "--workers", "4", "--capacity", "1024"], "");
    for ended in [&narrow, &wide] {
        ended.assert_code(0);
        assert_eq!(ended.value("handled"), "200");
        assert_eq!(ended.value("sink handled"), "200");
        assert_eq!(ended.value("bad lines"), "0");
    }
    assert_eq!(narrow.value("digest"), wide.value("digest"));
    assert_ne!(narrow.value("digest"), "0".repeat(64));
}

#[test]
fn every_event_of_every_round_is_handled() {
    let Some(file) = webhooks() else { return };
    let ended = run(
        &[file, "--repeat", "20", "--workers", "2", "--capacity", "16"],
        "",
    );
    ended.assert_code(0);
    assert_eq!(ended.value("emitted"), "4000");
    assert_eq!(ended.value("handled"), "4000");
    assert_eq!(ended.value("sink handled"), "4000");
    assert_eq!(ended.value("failed"), "0");
}
