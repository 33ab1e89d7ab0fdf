//! The example `web_service`, started as a program and used over HTTP.
#![cfg(unix)]

mod accounts;
mod client;
mod listeners;
mod options;
mod overload;
mod service;
mod stream;
