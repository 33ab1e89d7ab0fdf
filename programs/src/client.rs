//! Making HTTP clients.

use std::time::Duration;

use reqwest::Client;

const CONNECT: Duration = Duration::from_secs(2);

/// A client that uses no proxy of the environment: all its servers are on this machine, or named by an option.
///
/// # Errors
/// If the TLS of the system cannot be set up.
pub fn new() -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy()
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
