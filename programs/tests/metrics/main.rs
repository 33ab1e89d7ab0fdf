//! The program `metrics`, over HTTP and in a browser.

#[path = "../support/browser.rs"]
mod browser;
#[path = "../../../crates/soiree/tests/metrics/tools.rs"]
mod tools;
#[path = "../../../crates/soiree/tests/metrics/web.rs"]
mod web;

mod page;
mod service;
