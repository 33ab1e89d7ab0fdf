//! Runs the `metrics` example from its command line.

use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

use crate::tools::Running;
use crate::web;

fn example() -> Command {
    Command::new(env!("CARGO_BIN_EXE_metrics"))
}

/// Starts the example on a free loopback port, and returns its URL.
pub(crate) fn serving(arguments: &[&str]) -> (Running, String) {
    let mut command = example();
    let mut running = Running::start(command.args(["--bind", "127.0.0.1:0"]).args(arguments));
    let url = running.line(|line| line.starts_with("http://").then(|| line.to_owned()));
    (running, url)
}

#[track_caller]
fn assert_rejected(arguments: &[&str], reason: &str) {
    let output = example().args(arguments).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("metrics: "), "{said}");
    assert!(said.contains(reason), "no {reason:?} in {said}");
}

#[test]
fn bad_options_are_rejected_by_name() {
    assert_rejected(
        &["--bind", "localhost"],
        "--bind localhost: invalid socket address",
    );
    assert_rejected(&["--bind", "127.0.0.1:99999"], "--bind 127.0.0.1:99999: ");
    assert_rejected(&["--load", "much"], "--load much: invalid float");
    assert_rejected(&["--load", "-1"], "--load -1: it is from 0 to 100");
    assert_rejected(&["--load", "NaN"], "--load NaN: it is from 0 to 100");
    assert_rejected(&["--lode"], "--lode");
    assert_rejected(&["here"], "here");
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_rejected(&["--bind", &address], &format!("--bind {address}: "));
}

#[test]
fn help_says_where_it_listens() {
    let output = example().arg("--help").output().expect("it starts");
    assert!(output.status.success());
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(help.contains("[127.0.0.1:9184]"), "{help}");
}

#[test]
fn metrics_page_and_values_are_served() {
    let (mut running, url) = serving(&["--load", "2"]);
    let (status, kind, page) = web::get(&url).unwrap();
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    for outside in ["http:", "https:", "//fonts", "@import", "src="] {
        let own = page.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !own.contains(outside),
            "the page is not self-contained: {outside}"
        );
    }

    let pools = |status: &Value| {
        let pools = status["pools"].as_array().unwrap();
        let names = pools.iter().map(|pool| pool["name"].as_str().unwrap());
        names.map(String::from).collect::<Vec<_>>()
    };
    let status = running.until(|| {
        let status = web::json(&format!("{url}status.json"))?;
        let delivered = |one: &Value| one["delivered"].as_u64() > Some(0);
        let listeners = status["listeners"].as_array()?;
        (listeners.iter().filter(|one| delivered(one)).count() >= 6).then_some(status)
    });
    assert_eq!(
        pools(&status),
        ["default", "durable", "exports", "webhooks"]
    );

    // What fails for the last time is dead, and shown.
    let outbox = running.until(|| {
        let status = web::json(&format!("{url}status.json"))?;
        let outbox = status["outbox"].clone();
        let dead = &outbox["listeners"][1]["dead"];
        (dead.as_u64() > Some(0)).then_some(outbox)
    });
    assert_eq!(outbox["state"], "ok", "{outbox}");
    assert!(outbox["stored"].as_u64() > Some(0), "{outbox}");
    let [ledger, receipts] = &outbox["listeners"].as_array().unwrap()[..] else {
        panic!("{outbox}")
    };
    assert_eq!(
        (&ledger["name"], &ledger["held"]),
        (&"ledger".into(), &true.into())
    );
    assert!(ledger["done"].as_u64() > Some(0), "{ledger}");
    assert_eq!(
        (&receipts["name"], &receipts["kind"]),
        (&"receipts".into(), &"bad".into())
    );

    let (status, kind, text) = web::get(&format!("{url}metrics")).unwrap();
    assert_eq!(
        (status, kind.as_str()),
        (200, soiree::metrics::CONTENT_TYPE)
    );
    assert!(text.contains(r#"soiree_pool_workers_max{event_pool="main",pool="exports"} 2"#));
    assert!(text.contains(r#"soiree_durable_held{outbox="main",listener="ledger"} 1"#));
    assert_eq!(web::get(&format!("{url}elsewhere")).unwrap().0, 404);
}

/// A listener that no event reaches has a row before its first call, and is never called well.
#[test]
fn a_listener_that_is_not_reached_is_shown_as_such() {
    let (mut running, url) = serving(&["--load", "2", "--stalled", "behind"]);
    let row = |name: &str| {
        let status = web::json(&format!("{url}status.json"))?;
        let listeners = status["listeners"].as_array()?;
        let row = listeners.iter().find(|one| one["name"] == name)?.clone();
        Some((row, status))
    };
    let (behind, status) = running.until(|| {
        let (behind, status) = row("behind")?;
        assert_ne!(behind["state"], "ok", "{behind}");
        let is_full =
            behind["waiting"].as_u64() >= Some(8) && behind["not_called"].as_u64() > Some(0);
        is_full.then_some((behind, status))
    });
    assert_eq!(
        (&behind["delivered"], &behind["kind"]),
        (&0.into(), &"bad".into())
    );
    let (waiting, missed) = (&behind["waiting"], &behind["not_called"]);
    let state = format!("not reached: {waiting} wait, {missed} not called");
    assert_eq!(behind["state"], state);
    let emissions = &status["emissions"];
    assert!(emissions["in_flight"].as_u64() >= Some(8), "{emissions}");
    assert!(
        emissions["waiting"]["queue"].as_u64() >= Some(8),
        "{emissions}"
    );
    running.until(|| (row("audit")?.0["state"] == "ok").then_some(()));
}
