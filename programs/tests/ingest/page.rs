//! The page, in a real browser.

use serde_json::json;
use tempfile::TempDir;

use crate::browser::Browser;
use crate::service::Service;

const HOSTILE: &str = r#"{"action": "paid", "account": "<img src=x onerror=\"document.title='owned'\">", "text": "</pre><script>document.title='owned'</script>"}"#;

const CLICK: &str = "const found = document.querySelector(SELECTOR); if (found) found.click(); return Boolean(found)";

fn click(selector: &str) -> String {
    CLICK.replace("SELECTOR", &json!(selector).to_string())
}

/// D8: a receiver that breaks leads to a dead event with its error; once it is mended, a click redrives the event.
#[test]
fn a_dead_event_is_seen_and_redriven_on_the_page() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--attempts", "2"]);
    let Some(mut browser) = Browser::open(&format!("{}/", service.url)) else {
        return;
    };
    browser.until("return document.querySelectorAll('#listeners tbody tr').length === 4");
    browser.until(&click("#break"));
    browser.until("return document.querySelector('#break')?.textContent === 'mend it'");
    let id = service.accepted("1", HOSTILE);
    let dead = "return document.querySelector('#dead .bad')?.textContent";
    let error = browser.until(&format!("{dead} || false"));
    let error = error.as_str().unwrap();
    assert_eq!(error, "the receiver answered 500 Internal Server Error");
    // It was seen as it came in.
    let seen = format!("return document.querySelector('#recent a')?.textContent === '{id}'");
    browser.until(&seen);
    browser.until(&click("#break"));
    browser.until("return document.querySelector('#break')?.textContent === 'break it'");
    browser.until(&click("#dead .redrive"));
    browser.until("return document.querySelector('#dead .good')?.textContent === 'none'");
    let states = service.until("it is done", |service| {
        let states = service.ended(&id);
        states
            .iter()
            .all(|(_, state)| state == "done")
            .then_some(states)
    });
    assert_eq!(states.len(), 4);
    assert_eq!(browser.run("return document.title"), "ingest");
}

/// One event's way is a page of its own; what comes from outside is shown as text.
#[test]
fn an_event_is_shown_as_text_on_a_narrow_screen() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let id = service.accepted("1", HOSTILE);
    service.ended(&id);
    let Some(mut browser) = Browser::open(&format!("{}/events/{id}", service.url)) else {
        return;
    };
    browser.narrow(360);
    let payload = browser.until("return document.querySelector('#way pre')?.textContent || false");
    let payload = payload.as_str().unwrap();
    assert!(
        payload.contains("</pre><script>") && payload.contains("<img src=x"),
        "{payload}"
    );
    let states = "return [...document.querySelectorAll('#way .state')].filter((one) => one.textContent.endsWith(': done')).length";
    assert_eq!(browser.run(states), 4);
    let attempts = "return [...document.querySelectorAll('#way .good')].filter((one) => one.textContent === 'done').length";
    assert_eq!(browser.run(attempts), 4);
    browser.until("return document.querySelectorAll('#topics tbody tr').length === 1");
    assert_eq!(browser.run("return document.title"), "ingest");
    assert_eq!(browser.run("return document.images.length"), 0);
    let fits = "return document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.run("return innerWidth"), 360);
    assert_eq!(browser.run(fits), true);
    // Light and dark differ.
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let scheme = |scheme| {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        browser.emulate(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [feature] }),
        );
        browser.run(ground)
    };
    assert_ne!(scheme("light"), scheme("dark"));
}

/// The stream alone keeps a page live: it shows what becomes of its event, and asks for nothing that has not changed.
#[test]
fn an_open_page_follows_its_event_and_asks_for_no_status() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--attempts", "1"]);
    let post = |path: &str| service.post(path, &[], "").unwrap().status;
    assert_eq!(post("/receiver/break"), 200);
    let id = service.accepted("1", "{}");
    service.ended(&id);
    let Some(mut browser) = Browser::open(&format!("{}/events/{id}", service.url)) else {
        return;
    };
    let forward = |state: &str| {
        format!(
            "return [...document.querySelectorAll('#way .state')].some((one) => one.textContent.startsWith('forward: {state}'))"
        )
    };
    browser.until(&forward("dead"));
    assert_eq!(post("/receiver/mend"), 200);
    assert_eq!(post(&format!("/dead/{id}/redrive")), 200);
    browser.until(&forward("done"));
    let asked = "return performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/status.json')).length";
    assert_eq!(browser.run(asked), 0);
    // A button that does nothing says why, and a status does not hide that.
    let refused =
        "return post('/dead/x/redrive').then(() => document.querySelector('#said').textContent)";
    let why = browser.run(refused);
    assert!(
        why.as_str().unwrap().starts_with("\"x\" is no event ID"),
        "{why}"
    );
}

/// The address of an event may be anything; the page is there all the same, and says what is wrong.
#[test]
fn a_page_of_a_malformed_id_says_so() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let Some(mut browser) = Browser::open(&format!("{}/events/%", service.url)) else {
        return;
    };
    let why = browser.until("return document.querySelector('#way .bad')?.textContent || false");
    assert!(
        why.as_str().unwrap().starts_with("\"%\" is no event ID"),
        "{why}"
    );
    browser.until("return document.querySelector('#state').textContent.startsWith('live')");
}

/// On a phone nothing is wider than the screen, and nothing has to be pushed aside: each row of a table is a card with the names of its
/// figures.
#[test]
fn tables_are_cards_on_a_phone() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--attempts", "1"]);
    assert_eq!(
        service.post("/receiver/break", &[], "").unwrap().status,
        200
    );
    let body = format!("{{\"action\": \"{}\"}}", "a".repeat(64));
    let headers = [("x-event", &*"e".repeat(64))];
    let path = format!("/hooks/{}", "s".repeat(64));
    let answer = service.post(&path, &headers, body).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.body);
    service.ended(answer.json()["id"].as_str().unwrap());
    let Some(mut browser) = Browser::open(&format!("{}/", service.url)) else {
        return;
    };
    browser.narrow(360);
    browser.until("return document.querySelectorAll('#listeners tbody tr').length === 4");
    browser.until("return document.querySelectorAll('#dead .redrive').length === 1");
    assert_eq!(browser.run("return innerWidth"), 360);
    let fits = "return document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.run(fits), true);
    let pushed = "return [...document.querySelectorAll('main *')].filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== 'inline').map((one) => one.id || one.className || one.tagName)";
    assert_eq!(browser.run(pushed), json!([]));
    let beyond = "return [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth).map((one) => one.textContent)";
    assert_eq!(browser.run(beyond), json!([]));
    // Each figure is named where it stands; with room for columns, above them.
    let named = "return getComputedStyle(document.querySelector('#listeners tbody td:nth-child(3)'), '::before').content";
    assert_eq!(browser.run(named), "\"waiting\"");
    browser.narrow(1280);
    assert_eq!(browser.run(named), "none");
    assert_eq!(browser.run(fits), true);
}
