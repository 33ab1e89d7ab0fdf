//! The service `ingest`, over HTTP, in a browser, and through signals.
#![cfg(unix)]

#[path = "../support/browser.rs"]
mod browser;
#[path = "../../../crates/soiree/tests/metrics/tools.rs"]
mod tools;
#[path = "../../../crates/soiree/tests/metrics/web.rs"]
mod web;

mod bounds;
mod delivery;
mod hostile;
mod intake;
mod log;
mod page;
mod receiver;
mod service;
mod stop;
mod wholes;
