//! The processes at work, until Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use reqwest::Client;
use soiree_programs::client;
use soiree_programs::output::say;
use soiree_programs::stop::StopSignal;
use tempfile::TempDir;
use tokio::time::{interval, sleep};

use crate::broker::Broker;
use crate::options::{Common, DemoOptions};
use crate::order::Order;
use crate::outcome::Outcome;
use crate::process::MEMBERS;
use crate::process::Process;

const ACCOUNTS: u64 = 20;
const NOT_ENDED: u8 = 1;

/// The folder of the data, which goes with this if it is a temporary one.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    temporary: Option<TempDir>,
}

impl Folder {
    pub(crate) fn of(common: &Common) -> Outcome<Self> {
        if let Some(path) = &common.data {
            let made = std::fs::create_dir_all(path);
            made.map_err(|error| format!("--data {}: {error}", path.display()))?;
            let path = path.canonicalize()?;
            let temporary = None;
            return Ok(Self { path, temporary });
        }
        let temporary = TempDir::new()?;
        Ok(Self {
            path: temporary.path().into(),
            temporary: Some(temporary),
        })
    }

    pub(crate) fn keep(self) {
        if let Some(temporary) = self.temporary {
            let _ = temporary.keep();
        }
    }
}

pub(crate) async fn run(options: &DemoOptions) -> Outcome<ExitCode> {
    let mut stop = StopSignal::new()?;
    let folder = Folder::of(&options.common)?;
    let mut fleet = None;
    let is_ended = tokio::select! {
        ended = serve(options, &folder, &mut fleet) => { ended?; false }
        () = stop.received() => true,
    };
    let Some((broker, processes)) = fleet else {
        return Ok(ExitCode::SUCCESS);
    };
    say("\nstopping\n");
    let mut is_orderly = is_ended;
    // The server last: the others say goodbye to it.
    for process in processes {
        is_orderly &= process.stop().await?.success();
    }
    broker.stop().await?;
    match is_orderly {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::from(NOT_ENDED)),
    }
}

async fn serve(
    options: &DemoOptions,
    folder: &Folder,
    fleet: &mut Option<(Broker, Vec<Process>)>,
) -> Outcome<()> {
    let data = &folder.path;
    let broker = Broker::start(options.common.nats_server.as_deref(), data).await?;
    let nats = broker.url();
    say(&format!(
        "{nats}\n\
         shows: three processes handle the orders of one stream as a group, each order once\n\
         why: work spreads over machines, and the orders of an account are still handled one after another\n"
    ));
    let (_, processes) = fleet.insert((broker, Vec::new()));
    for index in 0..MEMBERS {
        processes.push(Process::start(index, &nats, data).await?);
    }
    for process in &*processes {
        say(&format!("{}orders\n", process.url));
    }
    say(&format!(
        "try: curl -i {}orders -H 'content-type: application/json' -d '{{\"account\": \"ann\", \"number\": 0}}'\n\n",
        processes[0].url
    ));
    let client = client::new()?;
    tokio::try_join!(
        place(options.rate, processes, &client),
        show(processes, &client)
    )?;
    Ok(())
}

/// Places orders, each at the next process.
async fn place(rate: u64, processes: &[Process], client: &Client) -> Outcome<()> {
    if rate == 0 {
        return std::future::pending().await;
    }
    let mut ticks = interval(Duration::from_secs(1) / u32::try_from(rate)?);
    for number in 0.. {
        ticks.tick().await;
        let account = number % ACCOUNTS;
        let order = Order {
            account: format!("account-{account}"),
            number: number / ACCOUNTS,
            taken_by: 0,
        };
        // An account orders at one process, so that its orders have an order.
        let process = &processes[(account % MEMBERS as u64) as usize];
        let request = client.post(format!("{}orders", process.url));
        let body = serde_json::to_vec(&order)?;
        let sent = request
            .header("content-type", "application/json")
            .body(body);
        if let Err(error) = sent.send().await {
            say(&format!("an order was not taken: {error}\n"));
        }
    }
    Ok(())
}

/// Says every second what each process has done.
async fn show(processes: &[Process], client: &Client) -> Outcome<()> {
    say("process   accepted  published    handled  of these from others\n");
    loop {
        sleep(Duration::from_secs(1)).await;
        let mut lines = String::new();
        for (index, process) in processes.iter().enumerate() {
            let Ok(status) = process.status(client).await else {
                lines += &format!("{index:<8}  does not answer\n");
                continue;
            };
            let value = |name: &str| status[name].as_u64().unwrap_or_default();
            lines += &format!(
                "{index:<8}{:>10}{:>11}{:>11}{:>22}\n",
                value("accepted"),
                value("published"),
                value("handled"),
                value("elsewhere")
            );
        }
        say(&lines);
        say("\n");
    }
}
