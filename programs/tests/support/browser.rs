//! Drives a headless Chromium over WebDriver.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tools::{Running, tool};
use crate::web;

const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-breakpad",
];

pub(crate) struct Browser {
    session: String,
    driver: Running,
    /// Declared last: the browser ends before its files are removed.
    _files: TempDir,
}

impl Browser {
    /// Opens this page in a browser. `None` if the test is to be skipped.
    pub(crate) fn open(url: &str) -> Option<Self> {
        let chromium = tool(&["chromium", "chromium-browser", "google-chrome"])?;
        let program = tool(&["chromedriver"])?;
        let profile = TempDir::new().expect("there is room for a profile");
        let (driver, port) = loop {
            let mut driver = Command::new(&program);
            // The browser leaves temporary files, too.
            driver.arg("--port=0").env("TMPDIR", profile.path());
            let mut driver = Running::start(&mut driver);
            let port = driver.line(|line| {
                // It picks a free port of IPv6. The same port of IPv4 may be taken.
                if line.contains("Address already in use") {
                    return Some(None);
                }
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok().map(Some)
            });
            if let Some(port) = port {
                break (driver, port);
            }
        };
        let mut flags: Vec<String> = FLAGS.map(String::from).into();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let options = json!({ "binary": chromium, "args": flags });
        let wanted = json!({ "alwaysMatch": { "goog:chromeOptions": options } });
        let sessions = format!("http://127.0.0.1:{port}/session");
        let made = post(&sessions, &json!({ "capabilities": wanted })).expect("it answers");
        let session = made["value"]["sessionId"].as_str();
        let session = session.unwrap_or_else(|| panic!("no session: {made}"));
        let browser = Self {
            session: format!("{sessions}/{session}"),
            driver,
            _files: profile,
        };
        browser.command("url", &json!({ "url": url }));
        Some(browser)
    }

    /// Runs a function with this body on the page, and returns its result.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Runs a function with this body on the page until it returns a true value.
    pub(crate) fn until(&mut self, script: &str) -> Value {
        let (session, body) = (&self.session, json!({ "script": script, "args": [] }));
        self.driver.until(|| {
            let value = command(session, "execute/sync", &body);
            let seen = !matches!(value, Value::Null | Value::Bool(false));
            seen.then_some(value)
        })
    }

    /// Sets the width of the screen in pixels.
    pub(crate) fn narrow(&self, width: u32) {
        let screen =
            json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true });
        self.emulate("Emulation.setDeviceMetricsOverride", &screen);
    }

    /// Sends a command of the DevTools protocol.
    pub(crate) fn emulate(&self, command: &str, params: &Value) {
        let command = json!({ "cmd": command, "params": params });
        self.command("goog/cdp/execute", &command);
    }

    fn command(&self, name: &str, body: &Value) -> Value {
        command(&self.session, name, body)
    }
}

fn command(session: &str, name: &str, body: &Value) -> Value {
    let url = format!("{session}/{name}");
    let answer = post(&url, body).expect("the driver answers");
    let value = &answer["value"];
    assert!(value["error"].is_null(), "{name}: {value}");
    value.clone()
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser; killing the driver alone would leave it running.
        let _ = delete(&self.session);
    }
}

/// Posts JSON and returns the JSON response.
fn post(url: &str, body: &Value) -> Result<Value, ureq::Error> {
    let mut answer = web::agent()
        .post(url)
        .header("content-type", "application/json")
        .send(body.to_string())?;
    let read = answer.body_mut().read_to_string()?;
    Ok(serde_json::from_str(&read).unwrap_or(Value::Null))
}

fn delete(url: &str) -> Result<(), ureq::Error> {
    web::agent().delete(url).call().map(|_| ())
}
