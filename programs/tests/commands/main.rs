//! What users type: the commands of the README, and every example.
#![cfg(unix)]

mod examples;
#[path = "../support/nats.rs"]
mod nats;
mod readme;
mod root;
