//! The `bulkheads` example, as its users run it: what it counts and prints, but not how long anything takes.

use std::io::Write;
use std::path::Path;
use std::process::Command;

const KINDS: [&str; 3] = ["requests", "webhooks", "uploads"];

/// Twenty times as fast as for viewers.
const QUICK: [&str; 4] = ["--speed", "20", "--seconds", "3"];

struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_bulkheads"))
        .args(arguments)
        .output();
    let output = output.expect("the example starts");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

impl Ended {
    #[track_caller]
    fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
    }

    /// The cells in the row of the kind's table: alone, shared and on bulkheads; `None` for a kind that did not take part.
    #[track_caller]
    fn counts(&self, kind: &str, name: &str) -> [Option<u64>; 3] {
        let mut lines = self.stdout.lines();
        let columns: Vec<_> = lines
            .by_ref()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .find(|words| *words == [kind, "alone", "shared", "bulkheads"])
            .unwrap_or_else(|| panic!("no table of {kind} in\n{}", self.stdout));
        let row = lines
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix(name));
        let row = row.unwrap_or_else(|| panic!("no {name} of {kind} in\n{}", self.stdout));
        let cells: Vec<_> = row
            .split_whitespace()
            .map(|cell| cell.parse().ok())
            .collect();
        assert_eq!(cells.len(), columns.len() - 1, "{row}");
        [cells[0], cells[1], cells[2]]
    }
}

/// E2: nothing is lost silently: every offered event is handled or rejected.
#[test]
fn every_event_is_accounted_for() {
    let ended = run(&QUICK);
    ended.assert_code(0);
    assert_eq!(ended.stderr, "");
    for kind in KINDS {
        let offered = ended.counts(kind, "offered");
        let handled = ended.counts(kind, "handled");
        let rejected = ended.counts(kind, "rejected");
        for at in 0..3 {
            let sum = handled[at]
                .zip(rejected[at])
                .map(|(one, other)| one + other);
            assert_eq!(offered[at], sum, "{kind}");
        }
        let present: Vec<_> = offered.into_iter().flatten().collect();
        assert_eq!(present.len(), if kind == "requests" { 3 } else { 2 });
        assert!(present.iter().all(|one| *one == present[0] && *one > 0));
    }
    let accounts = "accounts: offered = handled + rejected, everywhere";
    assert!(ended.stdout.lines().any(|line| line == accounts));
}

/// What is offered does not depend on how it is handled, and one burst of uploads is enough for every shared worker.
#[test]
fn the_same_seed_offers_the_same() {
    let offered = |arguments: &[&str]| {
        let ended = run(&[&QUICK, arguments].concat());
        ended.assert_code(0);
        KINDS.map(|kind| ended.counts(kind, "offered"))
    };
    let seven = offered(&["--seed", "7", "--workers", "6"]);
    assert_eq!(
        seven,
        offered(&["--seed", "7", "--workers", "6", "--plain"])
    );
    assert_ne!(seven, offered(&["--seed", "8", "--workers", "6"]));
    assert!(seven[2][1] >= Some(6), "{seven:?}");
}

/// All lines fit into 80 columns.
#[test]
fn it_prints_lines_a_histogram_and_a_verdict() {
    let ended = run(&QUICK);
    ended.assert_code(0);
    let lines: Vec<_> = ended.stdout.lines().collect();
    for start in ["alone ", "shared ", "bulkheads "] {
        let shown = lines.iter().filter(|line| line.starts_with(start));
        let shown: Vec<_> = shown.filter(|line| line.ends_with(" rejected")).collect();
        assert!(!shown.is_empty(), "{start}");
        for pool in KINDS {
            let is_shown = shown.iter().any(|line| line.contains(pool));
            assert_eq!(is_shown, start == "bulkheads ", "{start} {pool}");
        }
    }
    for kind in KINDS {
        let bars = lines.iter().skip_while(|line| !line.starts_with(kind));
        let bars = bars.skip(1).take_while(|line| !line.is_empty());
        let bars = bars.filter(|line| line.starts_with(['<', '>']));
        let (mut rows, mut counted) = (0, 0);
        for row in bars {
            rows += 1;
            let words = row.split_whitespace().skip(3);
            counted += words
                .filter_map(|word| word.parse::<u64>().ok())
                .sum::<u64>();
        }
        let handled = ended.counts(kind, "handled");
        assert_eq!(rows, 10);
        assert_eq!(
            counted,
            handled.into_iter().flatten().sum::<u64>(),
            "{kind}"
        );
    }
    let verdict = lines
        .iter()
        .skip_while(|line| !line.starts_with("verdict: "));
    let names: Vec<_> = verdict
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names, ["alone", "shared", "bulkheads"]);
    for line in lines {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn webhooks_of_the_users_own_are_read() {
    let file = tempfile(
        "own.jsonl",
        "{\"topic\":\"a.b\",\"payload\":[1]}\n\n{\"topic\":\"c\"}\n",
    );
    let ended = run(&[&QUICK[..], &["--webhooks", &file]].concat());
    ended.assert_code(0);
    let [_, _, handled] = ended.counts("webhooks", "handled");
    let [_, _, bytes] = ended.counts("webhooks", "bytes");
    // The payloads alternate between `[1]` and `null`. Without rejections, the bytes are known.
    let handled = handled.expect("webhooks are there");
    let [_, _, rejected] = ended.counts("webhooks", "rejected");
    if rejected == Some(0) {
        assert_eq!(bytes, Some(handled.div_ceil(2) * 3 + handled / 2 * 4));
    }
}

#[test]
fn wrong_usage_is_reported_with_option_and_value() {
    let bad = tempfile("bad.jsonl", "{\"topic\":\"a\"}\n{\"topic\":\"a..b\"}\n");
    let empty = tempfile("empty.jsonl", "\n");
    for (arguments, named) in [
        (&["--seconds", "0"][..], "--seconds 0: a number"),
        (&["--seconds", "NaN"], "--seconds NaN: a number"),
        (&["--seconds", "1e9"], "--seconds 1e9: a number"),
        (&["--seed=-1"], "--seed -1: a whole number"),
        (&["--workers", "5"], "--workers 5: a whole number from 6"),
        (&["--workers", "many"], "--workers many: a whole number"),
        (&["--speed", "0"], "--speed 0: a whole number from 1"),
        (&["--seconds"], "--seconds"),
        (&["--fast"], "--fast"),
        (&["what"], "what"),
        (
            &["--webhooks", "no/such.jsonl"],
            "--webhooks no/such.jsonl: ",
        ),
        (&["--webhooks", &bad], "bad.jsonl: line 2: "),
        (&["--webhooks", &empty], "empty.jsonl: there is no webhook"),
    ] {
        let ended = run(arguments);
        ended.assert_code(2);
        assert!(ended.stderr.starts_with("bulkheads: "), "{arguments:?}");
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
    let ended = run(&["--help"]);
    ended.assert_code(0);
    for option in [
        "--seconds",
        "--seed",
        "--workers",
        "--webhooks",
        "--speed",
        "--plain",
        "--help",
    ] {
        assert!(ended.stdout.contains(option), "{option}");
    }
}

/// A file with this content, for one test.
fn tempfile(name: &str, content: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut file = std::fs::File::create(&path).expect("the directory exists");
    file.write_all(content.as_bytes())
        .expect("the file can be written");
    path.to_str().expect("UTF-8").to_owned()
}
