//! Proof that nothing is lost: posts webhooks, kills the service at random moments, and counts what became of them.

mod ledger;
mod load;
mod table;

use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Client;
use serde_json::Value;
use soiree_programs::client;
use soiree_programs::output::say;
use tempfile::TempDir;
use tokio::time::sleep;

use self::ledger::Ledger;
use self::load::Load;
use crate::child::{self, Service};
use crate::corpus;
use crate::listeners::NAMES;
use crate::options::{MOST_KEPT, ProveOptions};
use crate::receiver::Receiver;

const LOST: u8 = 1;
/// Seconds for each kill, unless said otherwise.
const FOR_EACH: u64 = 2;
/// If nothing more is done for so long, it is not going to be.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two lines of progress.
const PERIOD: Duration = Duration::from_secs(3);
/// Between two looks at what is accepted.
const STEP: Duration = Duration::from_millis(250);
const LATENCY: Duration = Duration::from_millis(2);
const FLAKY: u8 = 10;

pub(crate) async fn run(options: &ProveOptions) -> Result<ExitCode, Box<dyn Error>> {
    let (webhooks, from) = corpus::read(options.webhooks.as_deref())?;
    let kills = options.kills;
    let seconds = options.seconds.unwrap_or(FOR_EACH * kills.max(1) as u64);
    let folder = TempDir::new()?;
    let data = folder.path();
    say(&format!(
        "{} webhooks from {from}, {} connections, {kills} kills in {seconds} s, files in {}\n",
        webhooks.len(),
        load::CONNECTIONS,
        data.display()
    ));

    let ledger = Arc::new(Ledger::default());
    let (judge, taken) = (Arc::clone(&ledger), Arc::clone(&ledger));
    let receiver = Receiver::start(
        LATENCY,
        FLAKY,
        move |id| !judge.declines(id),
        move |id| taken.forwarded(id),
    )
    .await?;
    let (url, all) = (receiver.url(), MOST_KEPT.to_string());
    let arguments = [
        ["--forward-to", &url],
        ["--export-delay", "0"],
        // Everything is looked at in the end.
        ["--keep-counted", &all],
        ["--keep-mails", &all],
        ["--keep-files", &all],
    ]
    .concat();

    let mut service = Service::start_with(data, &arguments, Some(load::SECRET)).await?;
    let load = Load::start(&service.url, webhooks, Arc::clone(&ledger))?;
    let progress = Progress::new(kills);
    let pause = Duration::from_secs(seconds) / (kills as u32 + 1);
    for kill in 0..kills {
        // Around the pause, and never before something was accepted.
        let before = ledger.accepted();
        let pause = pause.mul_f64(0.5 + fastrand::f64());
        progress.during(pause, kill, &ledger).await;
        while ledger.accepted() == before {
            sleep(Duration::from_millis(5)).await;
        }
        service.kill().await?;
        progress.show(kill + 1, &ledger);
        service = Service::start_with(data, &arguments, Some(load::SECRET)).await?;
        load.moved_to(&service.url);
    }
    progress.during(pause, kills, &ledger).await;
    load.stop().await;

    finish(&service, &progress).await?;
    redrive(&service, &ledger).await?;
    finish(&service, &progress).await?;
    progress.end();
    let status = service.stop().await?;
    let rows = table::count(data, &ledger)?;
    say(&rows.to_string());
    let is_proven = rows.is_right() && status.success();
    if !status.success() {
        say(&format!("the service did not close in order: {status}\n"));
    }
    if is_proven {
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!(
        "the files are kept in {}\n",
        folder.keep().display()
    ));
    Ok(ExitCode::from(LOST))
}

/// Waits until every listener has ended every event.
async fn finish(service: &Service, progress: &Progress) -> Result<(), Box<dyn Error>> {
    let client = client::new()?;
    let mut least = u64::MAX;
    let mut since = Instant::now();
    loop {
        let left = child::unfinished(&service.status(&client).await?);
        if left == 0 {
            return Ok(());
        }
        progress.waiting(left);
        if left < least {
            (least, since) = (left, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return Err(format!("{left} deliveries do not end").into());
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Redrives what was running at three kills, and is taken for what has ended the process: the kills were from outside.
async fn redrive(service: &Service, ledger: &Ledger) -> Result<(), Box<dyn Error>> {
    let client = client::new()?;
    for dead in dead(service, &client).await? {
        if dead["crashes"].as_u64() < Some(3) {
            continue;
        }
        let (id, listener) = (dead["id"].as_str(), dead["listener"].as_str());
        let (id, listener) = (id.ok_or("no ID")?, listener.ok_or("no listener")?);
        ledger.redriven(id.parse()?);
        let url = format!("{}dead/{id}/redrive?listener={listener}", service.url);
        let answer = client.post(url).send().await?;
        if !answer.status().is_success() {
            return Err(format!("{id} was not redriven: {}", answer.text().await?).into());
        }
    }
    Ok(())
}

/// All dead events of all listeners.
async fn dead(service: &Service, client: &Client) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut all = Vec::new();
    for listener in NAMES {
        let mut after = 0;
        loop {
            let url = format!("{}dead?listener={listener}&after={after}", service.url);
            let answer = client.get(url).send().await?.error_for_status()?;
            let mut listed: Value = serde_json::from_slice(&answer.bytes().await?)?;
            let Value::Array(dead) = listed["dead"].take() else {
                return Err("/dead lists no events".into());
            };
            let Some(last) = dead.last() else { break };
            after = last["position"].as_u64().ok_or("no position")?;
            all.extend(dead);
        }
    }
    Ok(all)
}

/// A bar on a terminal; a line every few seconds elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    said: std::cell::Cell<Instant>,
}

impl Progress {
    fn new(kills: usize) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} kills, {msg}");
            let bar = ProgressBar::new(kills as u64);
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self {
            bar,
            said: std::cell::Cell::new(Instant::now()),
        }
    }

    fn show(&self, kills: usize, ledger: &Ledger) {
        let accepted = ledger.accepted();
        if let Some(bar) = &self.bar {
            bar.set_position(kills as u64);
            bar.set_message(format!("{accepted} accepted"));
        } else {
            self.say(&format!("{kills} kills, {accepted} accepted"));
        }
    }

    /// Waits so long, and shows meanwhile how much is accepted.
    async fn during(&self, pause: Duration, kills: usize, ledger: &Ledger) {
        let end = Instant::now() + pause;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            sleep(left.min(STEP)).await;
            self.show(kills, ledger);
        }
    }

    fn waiting(&self, left: u64) {
        let message = format!("waiting: {left} left");
        match &self.bar {
            Some(bar) => bar.set_message(message),
            None => self.say(&message),
        }
    }

    fn say(&self, message: &str) {
        if self.said.get().elapsed() >= PERIOD {
            self.said.set(Instant::now());
            eprintln!("{message}");
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
