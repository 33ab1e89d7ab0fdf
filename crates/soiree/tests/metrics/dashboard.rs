//! The dashboard for Grafana, and the alerts of the guide on bulkheads, ask for metrics that exist, in queries that Prometheus understands.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use soiree::metrics::{self, Metrics};

use crate::outbox::outbox;
use crate::prometheus::used;
use crate::tools::tool;

/// All texts that have this name, wherever they are.
fn texts(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| texts(value, name, found)),
        Value::Object(values) => {
            found.extend(values.get(name).and_then(Value::as_str).map(String::from));
            values.values().for_each(|value| texts(value, name, found));
        }
        _ => {}
    }
}

fn dashboard() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../soiree-metrics/grafana.json");
    let text = fs::read_to_string(path).expect("the dashboard is there");
    serde_json::from_str(&text).expect("it is JSON")
}

fn queries() -> Vec<String> {
    let mut queries = Vec::new();
    texts(&dashboard(), "expr", &mut queries);
    assert!(queries.len() > 20, "{queries:?}");
    queries
}

/// The rules of the guide, as it shows them.
fn alerts() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bulkheads.md");
    let text = fs::read_to_string(path).expect("the guide is there");
    let (_, rules) = text.split_once("```yaml\n").expect("it has rules");
    let (rules, _) = rules.split_once("```").expect("they end");
    rules.to_owned()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    text.split(move |char| !is_word(char))
}

#[test]
fn every_metric_of_the_dashboard_and_of_the_alerts_is_exposed() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = outbox(&folder.path().join("events.db"), true);
    let metrics = Metrics::new();
    let soiree = used(&metrics);
    metrics::add_outbox(&metrics, &outbox, "main").unwrap();
    outbox.emit("order.placed", 2_u64).unwrap();
    let text = metrics.encode();

    let mut families = BTreeSet::new();
    for line in text.lines() {
        let Some((name, kind)) = line
            .strip_prefix("# TYPE ")
            .and_then(|it| it.split_once(' '))
        else {
            continue;
        };
        match kind {
            "histogram" => {
                let parts = ["bucket", "sum", "count"];
                families.extend(parts.map(|part| format!("{name}_{part}")));
            }
            _ => _ = families.insert(name.to_owned()),
        }
    }
    let mut asked = queries();
    texts(&dashboard(), "definition", &mut asked);
    asked.push(alerts());
    let asked: BTreeSet<&str> = asked.iter().flat_map(|query| words(query)).collect();
    let missing: Vec<&&str> = asked
        .iter()
        .filter(|name| name.starts_with("soiree_") && !families.contains(**name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}\n{text}");
    outbox.close().unwrap();
    drop(soiree);
}

#[test]
fn prometheus_understands_every_query_of_the_dashboard() {
    let Some(promtool) = tool(&["promtool"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let rules = queries().into_iter().enumerate().map(|(number, query)| {
        let query = query.replace("$__rate_interval", "1m");
        serde_json::json!({ "record": format!("query:{number}"), "expr": query })
    });
    let rules: Vec<Value> = rules.collect();
    // JSON is YAML.
    let file = folder.path().join("rules.yml");
    let groups = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    fs::write(&file, groups.to_string()).unwrap();
    assert_rules(&promtool, &file);
}

#[test]
fn prometheus_understands_the_alerts() {
    let Some(promtool) = tool(&["promtool"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    fs::write(&file, alerts()).unwrap();
    assert_rules(&promtool, &file);
}

fn assert_rules(promtool: &Path, file: &Path) {
    let checked = Command::new(promtool)
        .arg("check")
        .arg("rules")
        .arg(file)
        .output();
    let checked = checked.unwrap();
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}");
}
