//! The senders: each repeats a delivery until it is accepted, as senders of webhooks do.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use soiree_programs::client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::ledger::Ledger;
use crate::corpus::Webhook;
use crate::signature;

pub(super) const CONNECTIONS: usize = 32;
/// The variable for the service; its senders sign with the same secret.
pub(super) const SECRET: (&str, &str) = ("INGEST_SECRET_GITHUB", "a secret of this run");
const PAUSE: Duration = Duration::from_millis(20);
/// One delivery in so many is sent again after it was accepted.
const REPEATED: u64 = 20;

pub(super) struct Load {
    url: watch::Sender<String>,
    stop: watch::Sender<bool>,
    senders: JoinSet<()>,
}

struct Sender {
    client: Client,
    url: watch::Receiver<String>,
    stop: watch::Receiver<bool>,
    webhooks: Arc<Vec<Webhook>>,
    next: Arc<AtomicU64>,
    ledger: Arc<Ledger>,
}

#[derive(Deserialize)]
struct Accepted {
    id: String,
    position: u64,
    duplicate: bool,
}

impl Load {
    pub(super) fn start(
        url: &str,
        webhooks: Vec<Webhook>,
        ledger: Arc<Ledger>,
    ) -> Result<Self, Box<dyn Error>> {
        let (url, urls) = watch::channel(url.to_owned());
        let (stop, stops) = watch::channel(false);
        let (webhooks, next) = (Arc::new(webhooks), Arc::default());
        let client = client::new()?;
        let mut senders = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let sender = Sender {
                client: client.clone(),
                url: urls.clone(),
                stop: stops.clone(),
                webhooks: Arc::clone(&webhooks),
                next: Arc::clone(&next),
                ledger: Arc::clone(&ledger),
            };
            senders.spawn(sender.run());
        }
        Ok(Self { url, stop, senders })
    }

    /// The service has another port after a restart.
    pub(super) fn moved_to(&self, url: &str) {
        let _ = self.url.send(url.to_owned());
    }

    /// Lets every sender end the delivery that it is at.
    pub(super) async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.senders.join_next().await.is_some() {}
    }
}

impl Sender {
    async fn run(self) {
        while !*self.stop.borrow() {
            let number = self.next.fetch_add(1, Relaxed);
            let first = self.deliver(number).await;
            if number % REPEATED == 0 {
                let again = self.deliver(number).await;
                if again.id != first.id || !again.duplicate {
                    let id = first.id;
                    self.ledger
                        .problem(format!("the repeat of {id} was not recognized"));
                }
            }
        }
    }

    /// Sends until there is a 202, also over a restart.
    async fn deliver(&self, number: u64) -> Accepted {
        loop {
            match self.send(number).await {
                Some(Ok(accepted)) => return accepted,
                Some(Err(problem)) => self.ledger.problem(problem),
                None => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// `None` if the service is gone, or has no room.
    async fn send(&self, number: u64) -> Option<Result<Accepted, String>> {
        let webhook = &self.webhooks[number as usize % self.webhooks.len()];
        let url = format!("{}hooks/github", *self.url.borrow());
        let signature = signature::sign(SECRET.1.as_bytes(), webhook.body.as_bytes());
        let request = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("x-github-event", &webhook.event)
            .header("x-github-delivery", format!("prove-{number}"))
            .header("x-hub-signature-256", signature)
            .body(webhook.body.clone());
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.ok()?;
        match status {
            202 => {}
            429 | 503 => return None,
            _ => {
                let text = String::from_utf8_lossy(&body);
                return Some(Err(format!("answered {status}: {text}")));
            }
        }
        let accepted: Accepted = serde_json::from_slice(&body).ok()?;
        let Ok(id) = accepted.id.parse() else {
            return Some(Err(format!(
                "accepted as {:?}, which is no ID",
                accepted.id
            )));
        };
        self.ledger
            .answered(id, accepted.position, accepted.duplicate);
        Some(Ok(accepted))
    }
}
