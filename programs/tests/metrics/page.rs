//! Opens the example's page in a real browser.

use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;

use crate::browser::Browser;
use crate::service::serving;
use crate::tools::{Running, tool};

const HOSTILE: &str = "<img src=x onerror=\"document.title='owned'\">";

/// A script that finds the row of a listener by its name, and returns a column.
fn cell(name: &str, column: &str) -> String {
    let name = Value::from(name);
    format!(
        "const row = [...document.querySelectorAll('#listeners tr')]
            .find((row) => row.cells[0].textContent === {name});
         return row ? row.querySelector('[data-label=\"{column}\"]').textContent : null;"
    )
}

/// The page shows pools and listeners and updates them. A name that looks like markup is shown as text.
#[test]
fn the_page_shows_what_happens_and_every_name_as_text() {
    let (_running, url) = serving(&["--load", "2", "--listener", HOSTILE]);
    let Some(mut browser) = Browser::open(&url) else {
        return;
    };
    browser.until("return document.querySelectorAll('#pools article').length === 4");
    browser.until(&cell(HOSTILE, "State"));
    assert_eq!(
        browser.run("return document.querySelector('#bridge-part').hidden"),
        true
    );
    browser.until(&cell("render", "State"));

    // Markup in a name makes no element and runs no script.
    assert_eq!(browser.run("return document.images.length"), 0);
    assert_eq!(
        browser.run("return document.title"),
        "soiree: pools and listeners"
    );
    let pattern = browser.run(&cell(HOSTILE, "Pattern"));
    assert_eq!(pattern, "**");

    let names = "return [...document.querySelectorAll('#pools h3')].map((one) => one.textContent)";
    let names = browser.run(names);
    assert_eq!(
        names,
        serde_json::json!(["default", "durable", "exports", "webhooks"])
    );
    let meter = "document.querySelector('#pools [role=meter]')";
    let most = browser.run(&format!("return {meter}.getAttribute('aria-valuemax')"));
    assert_eq!(most, "4");

    // The page is live: values arrive, and the load causes every state that the page can show.
    browser.until("return document.querySelector('#link').textContent === 'live'");
    browser
        .until("return /[0-9] (µs|ms|s)$/.test(document.querySelector('#pools dd').textContent)");
    let some = |name, column| format!("return Number(({})()) > 0", function(&cell(name, column)));
    browser.until(&some("thumbnail", "Panicked"));
    browser.until(&some("render", "Slow"));
    let state = format!(
        "return String(({})()).startsWith('failing')",
        function(&cell("deliver", "State"))
    );
    browser.until(&state);
    browser.until(
        "return [...document.querySelectorAll('#pools .state')].some((one) => one.textContent.startsWith('rejecting'))",
    );
    let durable = |column: &str| cell("receipts", column).replace("#listeners", "#durable");
    browser.until(&format!(
        "return Number(({})()) > 0",
        function(&durable("Dead"))
    ));
    let held = browser.run(&durable("State"));
    assert!(held.as_str().unwrap().starts_with("held, "), "{held}");
    // Each state says what it means, and the curves have axes.
    let unexplained = "return [...document.querySelectorAll('main .state')]
        .filter((one) => one.textContent && !one.title).map((one) => one.textContent)";
    assert_eq!(browser.run(unexplained), serde_json::json!([]));
    let axis = "return document.querySelector('#pools .curve').textContent";
    let expected = "100 %0 %90 s agoworkers busyqueue fillednow";
    assert_eq!(browser.run(axis), expected);
    let before = browser.run("return document.querySelector('#uptime').textContent");
    browser.until(&format!(
        "return document.querySelector('#uptime').textContent !== {before}"
    ));
}

/// N8: the page shows the bridge: that there is no connection, and once there is a server, what was published and received.
#[test]
fn the_page_shows_a_bridge() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let (_running, url) = serving(&["--nats", &format!("nats://127.0.0.1:{port}")]);
    let Some(mut browser) = Browser::open(&url) else {
        return;
    };
    let bridge =
        |name: &str, column: &str| function(&cell(name, column).replace("#listeners", "#bridge"));
    let is = |name, column, text: &str| {
        let cell = bridge(name, column);
        format!("return ({cell})() === {}", Value::from(text))
    };
    browser.until(&is("NATS METRICS", "State", "not connected"));
    browser.until(&is("elsewhere", "State", "gets nothing"));
    browser.until(&is("NATS METRICS", "Lag", "–"));
    let is_shown = "return document.getElementById('bridge-part').checkVisibility()";
    assert_eq!(browser.run(is_shown), true);
    let Some(server) = tool(&["nats-server"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(server);
    server.args(["-a", "127.0.0.1", "-p", &port, "-js", "-sd"]);
    let _server = Running::start(server.arg(folder.path()));
    browser.until(&is("elsewhere", "State", "consumes"));
    let state = bridge("NATS METRICS", "State");
    browser.until(&format!(
        "return String(({state})()).startsWith('connected')"
    ));
    let some = |name, column| {
        let cell = bridge(name, column);
        format!("return Number(({cell})().replaceAll(',', '')) > 0")
    };
    browser.until(&some("NATS METRICS", "Published"));
    browser.until(&some("elsewhere", "Received"));
    browser.until(&some("elsewhere", "Acked"));
    assert_eq!(browser.run(&is("elsewhere", "Dead", "0")), true);
}

/// A listener that no event reaches is called so, with what waits for it.
#[test]
fn the_page_says_which_listener_is_not_reached() {
    let (_running, url) = serving(&["--load", "2", "--stalled", "behind"]);
    let Some(mut browser) = Browser::open(&url) else {
        return;
    };
    let state = function(&cell("behind", "State"));
    browser.until(&format!(
        "return String(({state})()).startsWith('not reached: ')"
    ));
    let waiting = function(&cell("behind", "Waiting"));
    browser.until(&format!("return Number(({waiting})()) >= 8"));
    let bad = "return [...document.querySelectorAll('#listeners .state.bad')]
        .some((one) => one.textContent.startsWith('not reached'))";
    assert_eq!(browser.run(bad), true);
    let tile = "return [...document.querySelectorAll('#tiles .tile')]
        .some((one) => one.textContent.includes('In flight') && one.textContent.includes('queue'))";
    assert_eq!(browser.run(tile), true);
}

/// The page does not scroll sideways on a narrow screen.
#[test]
fn the_page_fits_a_narrow_screen() {
    let (_running, url) = serving(&["--load", "1", "--listener", &"wide".repeat(40)]);
    let Some(mut browser) = Browser::open(&url) else {
        return;
    };
    browser.narrow(360);
    browser.until("return document.querySelectorAll('#listeners tr').length > 4");
    let wide = "return document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.run("return innerWidth"), 360);
    assert_eq!(browser.run(wide), true);
}

fn function(body: &str) -> String {
    format!("() => {{ {body} }}")
}
