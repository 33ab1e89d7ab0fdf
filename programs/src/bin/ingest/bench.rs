//! Measures intake with busy listeners, against the same intake with none, and against what the disk can do.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use soiree::sqlite::rusqlite::{Connection, params};
use soiree_programs::client;
use soiree_programs::output::say;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::child::Service;
use crate::corpus::{self, Webhook};
use crate::options::{BenchOptions, MAX_RATE};
use crate::receiver::Receiver;

const CONNECTIONS: usize = 32;
/// Windows with nothing else to do, and as many with busy listeners.
const TURNS: usize = 2;
/// These are busy all the time, and the others have caught up.
const SLOW: [&str; 2] = ["forward", "export"];
const QUICK: [&str; 2] = ["index", "mail"];
/// The backlog that keeps `forward` and `export` busy all the time.
const BATCHES: usize = 20;
const BATCH: usize = 500;
const LATENCY: Duration = Duration::from_millis(50);
/// `forward` and `export` are as slow as this: some 160 and some 150 events a second at most.
const BUSY: [&str; 4] = ["--forward", "8/8", "--export-delay", "5"];
const PATIENCE: Duration = Duration::from_secs(60);
/// How long index and mail may take for the backlog. On a slow disk they write for minutes.
const CATCH_UP: Duration = Duration::from_secs(600);

pub(crate) async fn run(options: &BenchOptions) -> Result<ExitCode, Box<dyn Error>> {
    let (webhooks, from) = corpus::read(options.webhooks.as_deref())?;
    let bytes = webhooks.iter().map(|hook| hook.body.len()).sum::<usize>() / webhooks.len();
    let webhooks = Arc::new(webhooks);
    let part = Duration::from_secs(options.seconds) / 6;
    say(&format!(
        "{} webhooks from {from}, {bytes} bytes on average, {CONNECTIONS} connections\n",
        webhooks.len()
    ));
    let folder = TempDir::new()?;

    let (one, hundred) = {
        let path = folder.path().join("raw.db");
        let webhooks = Arc::clone(&webhooks);
        let measure = move || -> Result<_, soiree::sqlite::rusqlite::Error> {
            Ok((
                raw(&path, &webhooks, 1, part / 2)?,
                raw(&path, &webhooks, 100, part / 2)?,
            ))
        };
        tokio::task::spawn_blocking(measure).await??
    };
    say(&format!(
        "raw SQLite: {one:.0} events/s one by one, {hundred:.0} by 100 in a commit\n"
    ));

    let rate = options.rate.unwrap_or_else(|| (one / 10.0) as u64);
    let rate = rate.clamp(1, MAX_RATE);

    let receiver = Receiver::start(LATENCY, 0, |_| true, |_| {}).await?;
    let to = ["--forward-to", &receiver.url()];

    let options = [to, [BUSY[0], BUSY[1]], [BUSY[2], BUSY[3]]].concat();
    let (mut alone, mut busy) = (Histogram::new(3)?, Histogram::new(3)?);
    let (mut most, mut status, mut only_slow_are_busy) = (0.0, Value::Null, true);
    // By turns, so that a machine that becomes slower or faster does not look like one of the two.
    for turn in 1..=TURNS {
        let data = folder.path().join("alone");
        let service = Service::start(&data, &["--no-listeners"]).await?;
        alone.add(at_rate(&service.url, &webhooks, rate, part).await?)?;
        service.stop().await?;

        let data = folder.path().join("busy");
        let service = Service::start(&data, &options).await?;
        if turn == 1 {
            fill(&service.url, &webhooks).await?;
        }
        only_slow_are_busy &= caught_up(&service).await?;
        busy.add(at_rate(&service.url, &webhooks, rate, part).await?)?;
        status = service.status(&client::new()?).await?;
        if turn == TURNS {
            most = closed_loop(&service.url, &webhooks, part).await?;
        }
        service.stop().await?;
    }
    show(&format!("{rate}/s, nothing else to do"), &alone);
    show(&format!("{rate}/s, forward and export busy"), &busy);
    for name in SLOW {
        let waiting = waiting(&status, name);
        say(&format!("  {name}: {waiting} events waited at the end\n"));
        if waiting == 0 {
            say(&format!(
                "  {name} was not busy all the time: choose fewer --seconds\n"
            ));
        }
    }

    let ratio = |quantile| {
        let alone = alone.value_at_quantile(quantile).max(1);
        busy.value_at_quantile(quantile) as f64 / alone as f64
    };
    let (median, tail) = (ratio(0.5), ratio(0.99));
    let verdict = match tail < 2.0 {
        true => "bulkheads hold",
        false if !only_slow_are_busy => "no verdict: index and mail were busy too",
        false => "bulkheads do not hold",
    };
    say(&format!(
        "as many as it takes, listeners busy: {most:.0} requests/s, {:.2} of raw SQLite one by one, {:.2} of that by 100\n\
         p50 with busy listeners / p50 without: {median:.2}\n\
         p99 with busy listeners / p99 without: {tail:.2}\n\
         {verdict} (they do if the ratio of p99 is below 2)\n",
        most / one,
        most / hundred
    ));
    Ok(ExitCode::SUCCESS)
}

/// Commits as durable as the service's.
fn raw(
    path: &Path,
    webhooks: &[Webhook],
    batch: usize,
    time: Duration,
) -> Result<f64, soiree::sqlite::rusqlite::Error> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS raw(id INTEGER PRIMARY KEY, body TEXT)")?;
    let start = Instant::now();
    let mut written = 0;
    while start.elapsed() < time {
        let tx = connection.transaction()?;
        for _ in 0..batch {
            let body = &webhooks[written % webhooks.len()].body;
            tx.prepare_cached("INSERT INTO raw(body) VALUES (?1)")?
                .execute(params![body])?;
            written += 1;
        }
        tx.commit()?;
    }
    Ok(written as f64 / start.elapsed().as_secs_f64())
}

async fn post(client: &Client, url: &str, webhook: &Webhook) -> Result<bool, reqwest::Error> {
    let request = client
        .post(format!("{url}hooks/github"))
        .header(CONTENT_TYPE, "application/json")
        .header("x-github-event", &webhook.event)
        .body(webhook.body.clone());
    let answer = request.send().await?;
    let is_accepted = answer.status().as_u16() == 202;
    answer.bytes().await?;
    Ok(is_accepted)
}

/// Requests at fixed moments. Each latency counts from the moment at which the request was to be sent: a slow answer makes later ones
/// late, and that shows.
async fn at_rate(
    url: &str,
    webhooks: &Arc<Vec<Webhook>>,
    rate: u64,
    time: Duration,
) -> Result<Histogram<u64>, Box<dyn Error>> {
    let next = Arc::new(AtomicU64::new(0));
    let most = (time.as_secs_f64() * rate as f64) as u64;
    let start = tokio::time::Instant::now() + Duration::from_millis(100);
    let mut senders = JoinSet::new();
    let client = client::new()?;
    for _ in 0..CONNECTIONS {
        let (client, url, next) = (client.clone(), url.to_owned(), Arc::clone(&next));
        let webhooks = Arc::clone(webhooks);
        senders.spawn(async move {
            let mut micros = Vec::new();
            loop {
                let number = next.fetch_add(1, Relaxed);
                if number >= most {
                    return Ok(micros);
                }
                let due = start + Duration::from_secs_f64(number as f64 / rate as f64);
                sleep_until(due).await;
                let webhook = &webhooks[number as usize % webhooks.len()];
                if !post(&client, &url, webhook)
                    .await
                    .map_err(|error| error.to_string())?
                {
                    return Err(String::from("a request was not accepted"));
                }
                micros.push(due.elapsed().as_micros() as u64);
            }
        });
    }
    let mut latencies = Histogram::new(3)?;
    while let Some(sender) = senders.join_next().await {
        for micros in sender?? {
            latencies.record(micros.max(1))?;
        }
    }
    Ok(latencies)
}

/// Each connection sends the next request when it has an answer. Returns how many were accepted in a second.
async fn closed_loop(
    url: &str,
    webhooks: &Arc<Vec<Webhook>>,
    time: Duration,
) -> Result<f64, Box<dyn Error>> {
    let accepted = Arc::new(AtomicU64::new(0));
    let client = client::new()?;
    let start = Instant::now();
    let mut senders = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let (client, url) = (client.clone(), url.to_owned());
        let (webhooks, accepted) = (Arc::clone(webhooks), Arc::clone(&accepted));
        senders.spawn(async move {
            let mut number = connection;
            while start.elapsed() < time {
                let webhook = &webhooks[number % webhooks.len()];
                if post(&client, &url, webhook).await? {
                    accepted.fetch_add(1, Relaxed);
                }
                number += CONNECTIONS;
            }
            Ok::<(), reqwest::Error>(())
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender??;
    }
    Ok(accepted.load(Relaxed) as f64 / start.elapsed().as_secs_f64())
}

/// Makes a backlog.
async fn fill(url: &str, webhooks: &[Webhook]) -> Result<(), Box<dyn Error>> {
    let client = client::new()?;
    let mut next = webhooks.iter().cycle();
    for _ in 0..BATCHES {
        let lines = next.by_ref().take(BATCH).map(|webhook| {
            let payload: Value = serde_json::from_str(&webhook.body).unwrap_or_default();
            format!(
                "{}\n",
                json!({ "source": "backlog", "event": webhook.event, "payload": payload })
            )
        });
        let request = client
            .post(format!("{url}batch"))
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(lines.collect::<String>());
        let answer = timeout(PATIENCE, request.send()).await??;
        if !answer.status().is_success() {
            return Err(format!("the backlog was not taken: {}", answer.text().await?).into());
        }
    }
    Ok(())
}

/// Waits until the quick listeners have handled the backlog: while they catch up, they write to the disk as much as they can.
async fn caught_up(service: &Service) -> Result<bool, Box<dyn Error>> {
    let client = client::new()?;
    let start = Instant::now();
    loop {
        let status = service.status(&client).await?;
        let left: u64 = QUICK.iter().map(|name| waiting(&status, name)).sum();
        if left == 0 {
            return Ok(true);
        }
        if start.elapsed() > CATCH_UP {
            say(&format!(
                "index and mail are busy too: {left} events wait\n"
            ));
            return Ok(false);
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn waiting(status: &Value, name: &str) -> u64 {
    let listeners = status["listeners"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let listener = listeners.iter().find(|listener| listener["name"] == name);
    listener
        .and_then(|listener| listener["waiting"].as_u64())
        .unwrap_or(0)
}

fn show(what: &str, latencies: &Histogram<u64>) {
    let at = |quantile| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    say(&format!(
        "{what}: {} requests, p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms\n",
        latencies.len(),
        at(0.5),
        at(0.99),
        at(0.999)
    ));
}
