//! Checks the metrics with the tools of Prometheus.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use axum::Router;
use axum::routing::get;
use serde_json::Value;
use soiree::metrics::{self, Metrics};
use soiree::{EventPool, ListenerOptions, Overflow, WorkerPool};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::text::Text;
use crate::tools::{Running, tool};
use crate::web;

/// An `EventPool` that has done a little of everything.
pub(crate) fn used(metrics: &Metrics) -> EventPool {
    let exports = WorkerPool::builder().name("exports").max_workers(1);
    let exports = exports.overflow(Overflow::Reject).build().unwrap();
    let soiree = EventPool::builder()
        .bulkhead("exports", exports)
        .route("export.**", "exports")
        .build()
        .unwrap();
    soiree.add_metrics(metrics, "main").unwrap();
    let named = |name: &str| ListenerOptions::new().name(name);
    soiree.on_with("user.*", named("mail"), |_| ()).unwrap();
    soiree
        .on_with("user.*", named("audit \"\\"), |_| Err::<(), _>("no"))
        .unwrap();
    soiree
        .on_with("export.csv", named("render"), |_| ())
        .unwrap();
    for _ in 0..7 {
        soiree.emit("user.created", ()).unwrap().wait();
    }
    for _ in 0..5 {
        soiree.emit("export.csv", ()).unwrap().wait();
    }
    soiree.emit("bad topic", ()).unwrap_err();
    soiree.close().unwrap();
    soiree
}

#[track_caller]
pub(crate) fn assert_checked(promtool: &std::path::Path, text: &str) {
    let mut child = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    // It also prints mere advice.
    assert_eq!(String::from_utf8_lossy(&said), "", "of\n{text}");
    assert!(output.status.success());
}

#[test]
fn promtool_finds_nothing_to_say() {
    let Some(promtool) = tool(&["promtool"]) else {
        return;
    };
    let metrics = Metrics::new();
    assert_checked(&promtool, &metrics.encode());
    let soiree = used(&metrics);
    assert_checked(&promtool, &metrics.encode());

    // The same in a registry of the program's own.
    let mut registry = metrics::prometheus_client::registry::Registry::default();
    metrics.register(&mut registry).unwrap();
    let mut text = String::new();
    metrics::prometheus_client::encoding::prometheus_text::encode(&mut text, &registry).unwrap();
    assert_eq!(text, metrics.encode());
    drop(soiree);
}

/// Serves `/metrics` until the runtime is dropped, and says where.
fn serve(runtime: &tokio::runtime::Runtime, metrics: &Metrics) -> String {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = metrics.clone();
    let answer = || async move { ([("content-type", metrics::CONTENT_TYPE)], metrics.encode()) };
    let router = Router::new().route("/metrics", get(answer));
    runtime.spawn(async { axum::serve(listener, router).await });
    address.to_string()
}

/// The value of each series of a metric, by its labels, as Prometheus has scraped it.
fn scraped(prometheus: &str, metric: &str) -> Option<BTreeMap<String, f64>> {
    let answer = web::json(&format!("{prometheus}/api/v1/query?query={metric}"))?;
    let series = answer["data"]["result"].as_array()?.iter().map(|series| {
        let label = |name: &str| series["metric"][name].as_str().unwrap_or("-").to_owned();
        let labels = ["pool", "listener", "pattern", "reason"].map(label);
        let value = series["value"][1]
            .as_str()
            .and_then(|value| value.parse().ok());
        (labels.join("/"), value.unwrap_or(f64::NAN))
    });
    let series: BTreeMap<_, _> = series.collect();
    (!series.is_empty()).then_some(series)
}

#[test]
fn a_real_prometheus_scrapes_it() {
    let Some(program) = tool(&["prometheus"]) else {
        return;
    };
    let metrics = Metrics::new();
    let soiree = used(&metrics);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let target = serve(&runtime, &metrics);

    let folder = TempDir::new().unwrap();
    let config = folder.path().join("prometheus.yml");
    let scrape = format!(
        "global: {{ scrape_interval: 1s }}\n\
         scrape_configs:\n\
         - job_name: soiree\n  \
           static_configs: [{{ targets: ['{target}'] }}]\n"
    );
    fs::write(&config, scrape).unwrap();
    let mut prometheus = Running::start(
        Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg("--web.listen-address=127.0.0.1:0"),
    );
    let at = prometheus.line(|line| {
        let (_, rest) = line.split_once("Listening on")?;
        let (_, address) = rest.split_once("address=")?;
        Some(format!("http://{}", address.split(' ').next()?))
    });

    let delivered = prometheus.until(|| scraped(&at, "soiree_listener_delivered_total"));
    let expected = [
        ("-/audit \"\\/user.*/-", 7.0),
        ("-/mail/user.*/-", 7.0),
        ("-/render/export.csv/-", 5.0),
    ];
    assert_eq!(
        delivered,
        expected.map(|(key, value)| (key.into(), value)).into()
    );

    let completed = prometheus.until(|| scraped(&at, "soiree_pool_jobs_completed_total"));
    let expected = [("default/-/-/-", 7.0), ("exports/-/-/-", 5.0)];
    assert_eq!(
        completed,
        expected.map(|(key, value)| (key.into(), value)).into()
    );
    let stats = soiree.stats();
    for (name, stats) in &stats.pools {
        assert_eq!(
            completed[&format!("{name}/-/-/-")],
            stats.completed() as f64
        );
    }
    let refused = prometheus.until(|| scraped(&at, "soiree_emissions_rejected_total"));
    assert_eq!(refused["-/-/-/invalid_topic"], 1.0);

    let metadata = web::json(&format!("{at}/api/v1/targets/metadata")).unwrap();
    let metadata = metadata["data"].as_array().unwrap();
    let kind = |name: &str| {
        let of = metadata.iter().find(|one| one["metric"] == name);
        of.map(|one| one["type"].clone())
    };
    let known =
        |name, expected: &str| assert_eq!(kind(name), Some(Value::from(expected)), "{name}");
    known("soiree_pool_workers_running", "gauge");
    known("soiree_pool_jobs_completed_total", "counter");
    known("soiree_pool_job_wait_seconds", "histogram");
    assert_eq!(
        Text::of(&metrics).value("soiree_emissions_unheard_total", &[]),
        0
    );
}
