//! The customers: each repeats an order until it is accepted, and places the next one then.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use soiree_programs::client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::order::Order;
use crate::outcome::Outcome;
use crate::process::Process;

pub(super) const CONNECTIONS: usize = 24;
/// Each connection orders for so many accounts.
const ACCOUNTS: usize = 3;
const AGAIN: Duration = Duration::from_millis(20);
/// So that the processes keep up, and are killed at work that is new.
const PACE: Duration = Duration::from_millis(20);

pub(super) struct Load {
    urls: Vec<watch::Sender<String>>,
    stop: watch::Sender<bool>,
    customers: JoinSet<Vec<(String, u64)>>,
}

struct Customer {
    client: Client,
    url: watch::Receiver<String>,
    stop: watch::Receiver<bool>,
    accounts: Vec<(String, u64)>,
}

impl Load {
    pub(super) fn start(processes: &[Process]) -> Outcome<Self> {
        let urls: Vec<_> = processes
            .iter()
            .map(|process| watch::Sender::new(process.url.clone()))
            .collect();
        let stop = watch::Sender::new(false);
        let client = client::new()?;
        let mut customers = JoinSet::new();
        for connection in 0..CONNECTIONS {
            let accounts = (0..ACCOUNTS).map(|account| (format!("c{connection}-{account}"), 0));
            let customer = Customer {
                client: client.clone(),
                url: urls[connection % urls.len()].subscribe(),
                stop: stop.subscribe(),
                accounts: accounts.collect(),
            };
            customers.spawn(customer.run());
        }
        Ok(Self {
            urls,
            stop,
            customers,
        })
    }

    /// A process has another port after a restart.
    pub(super) fn moved_to(&self, index: usize, url: &str) {
        self.urls[index].send_replace(url.to_owned());
    }

    /// Lets every customer end the order that it is at. How many orders of each account were accepted.
    pub(super) async fn stop(mut self) -> BTreeMap<String, u64> {
        self.stop.send_replace(true);
        let mut accepted = BTreeMap::new();
        while let Some(counts) = self.customers.join_next().await {
            accepted.extend(counts.unwrap_or_default());
        }
        accepted
    }
}

impl Customer {
    async fn run(mut self) -> Vec<(String, u64)> {
        for turn in 0.. {
            if *self.stop.borrow() {
                break;
            }
            let (account, number) = &mut self.accounts[turn % ACCOUNTS];
            let order = Order {
                account: account.clone(),
                number: *number,
                taken_by: 0,
            };
            *number += 1;
            let body = serde_json::to_vec(&order).unwrap_or_default();
            while !self.is_accepted(&body).await {
                sleep(AGAIN).await;
            }
            sleep(PACE).await;
        }
        self.accounts
    }

    async fn is_accepted(&self, body: &[u8]) -> bool {
        let url = format!("{}orders", *self.url.borrow());
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json");
        let answer = request.body(body.to_vec()).send().await;
        answer.is_ok_and(|answer| answer.status().as_u16() == 202)
    }
}
