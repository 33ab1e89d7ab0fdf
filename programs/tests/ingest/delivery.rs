//! Events on their way to the listeners.

use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::receiver::{SILENCE, receiver};
use crate::service::{Service, TIME_LIMIT};
use crate::web;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// W4, D7: the receiver's word on when to try again is kept, the trace goes on to it, and the ID lets it recognize a repeat.
#[test]
fn what_is_sent_on_carries_its_id_and_its_trace_over_retries() {
    let (url, arrived) = receiver(|number| match number {
        0 => "503 Service Unavailable\r\nretry-after: 1",
        _ => "204 No Content",
    });
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--forward-to", &url]);
    let headers = [("traceparent", TRACE), ("x-event", "order")];
    let answer = service.post("/hooks/shop", &headers, "{}").unwrap();
    let id = answer.json()["id"].clone();
    let calls = [(); 2].map(|()| arrived.recv_timeout(TIME_LIMIT).expect("a call"));
    for call in &calls {
        assert_eq!(call["x-event-id"], id);
        assert_eq!(call["x-topic"], "hook.shop.order");
        let parts: Vec<&str> = call["traceparent"].split('-').collect();
        assert_eq!(parts[..2], ["00", "4bf92f3577b34da6a3ce929d0e0e4736"]);
        assert_ne!(parts[2], "00f067aa0ba902b7");
    }
    let states = service.ended(id.as_str().unwrap());
    assert!(
        states.iter().all(|(_, state)| state == "done"),
        "{states:?}"
    );
}

/// Sends some events to a receiver that gives this answer to its first call. Returns the time until the second call.
fn pause_after(answer: impl Fn() -> String + Send + 'static) -> Duration {
    const EVENTS: usize = 5;
    let (called, calls) = mpsc::channel();
    let (url, _arrived) = receiver(move |number| {
        let _ = called.send(Instant::now());
        match number {
            0 => answer().leak(),
            _ => "204 No Content",
        }
    });
    let data = TempDir::new().unwrap();
    // One call at a time, so that none is on its way while the receiver answers.
    let service = Service::start(data.path(), &["--forward-to", &url, "--forward", "1/8"]);
    let ids = [(); EVENTS].map(|()| service.accepted_new());
    for id in &ids {
        service.ended(id);
    }
    let calls: Vec<Instant> = calls.try_iter().collect();
    assert_eq!(calls.len(), EVENTS + 1);
    calls[1] - calls[0]
}

/// Bounded: a receiver that says 429 gets no call at all for as long as it says, in seconds or by a date.
#[test]
fn a_receiver_that_says_429_is_left_alone_for_so_long() {
    const PAUSE: Duration = Duration::from_secs(2);
    let seconds = || "429 Too Many Requests\r\nretry-after: 2".into();
    let date = || {
        // It has whole seconds.
        let date = SystemTime::now() + PAUSE + Duration::from_secs(1);
        let date = httpdate::fmt_http_date(date);
        format!("429 Too Many Requests\r\nretry-after: {date}")
    };
    for pause in [pause_after(seconds), pause_after(date)] {
        assert!(pause >= PAUSE, "{pause:?}");
    }
}

/// A receiver that says 503 means the event that got it; others go on.
#[test]
fn a_receiver_that_says_503_gets_other_events_meanwhile() {
    const PAUSE: Duration = Duration::from_secs(4);
    let pause = pause_after(|| "503 Service Unavailable\r\nretry-after: 4".into());
    assert!(pause < PAUSE, "{pause:?}");
}

/// Bounded: no more calls are sent in a second than `--forward-rate` permits, though there are places for more.
#[test]
fn calls_keep_to_the_rate_that_is_set() {
    const EVENTS: u32 = 30;
    const RATE: u32 = 20;
    let (url, arrived) = receiver(|_| "204 No Content");
    let data = TempDir::new().unwrap();
    let rate = RATE.to_string();
    let arguments = ["--forward-to", &url, "--forward-rate", &rate];
    let service = Service::start(data.path(), &arguments);
    let lines = "{\"source\": \"shop\", \"payload\": {}}\n".repeat(EVENTS as usize);
    let ndjson = [("content-type", "application/x-ndjson")];
    let start = Instant::now();
    let answer = service.post("/batch", &ndjson, lines).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    for _ in 0..EVENTS {
        arrived.recv_timeout(TIME_LIMIT).expect("a call");
    }
    let least = Duration::from_secs(1) * (EVENTS - 1) / RATE;
    assert!(start.elapsed() >= least, "{:?}", start.elapsed());
    assert!(arrived.try_recv().is_err(), "each event once");
}

/// D1, D18: a stop does not wait for a pause of the receiver. What waited is sent after the next start, and no attempt is missing.
#[test]
fn a_stop_does_not_wait_for_a_pause_of_the_receiver() {
    let (url, arrived) = receiver(|number| match number {
        0 => "429 Too Many Requests\r\nretry-after: 4",
        _ => "204 No Content",
    });
    let data = TempDir::new().unwrap();
    let arguments = [
        ["--forward-to", &url],
        ["--forward", "1/8"],
        ["--attempts", "2"],
        ["--drain", "1000"],
    ]
    .concat();
    let service = Service::start(data.path(), &arguments);
    let ids = [(); 3].map(|()| service.accepted_new());
    service.until("all but one wait at the gate", |service| {
        let status = service.status();
        let listeners = status["listeners"].as_array()?;
        let forward = listeners.iter().find(|one| one["name"] == "forward")?;
        (forward["retrying"] == 1 && forward["in_flight"] == 2).then_some(())
    });
    service.signal(Signal::TERM);
    let (code, printed) = service.end();
    assert_eq!(code, Some(0), "{printed:?}");
    arrived.try_recv().expect("one call");
    assert!(arrived.try_recv().is_err(), "one call only");

    let service = Service::start(data.path(), &arguments);
    for id in &ids {
        let states = service.ended(id);
        let is_done = states.iter().all(|(_, state)| state == "done");
        assert!(is_done, "{states:?}");
    }
    assert_eq!(arrived.try_iter().count(), ids.len());
}

/// D8: an event that a receiver declines is dead at once, with the reason, and can be redriven. Other listeners have done it.
#[test]
fn a_declined_event_is_dead_until_it_is_redriven() {
    let (url, arrived) = receiver(|number| match number {
        0 => "422 Unprocessable Entity",
        _ => "204 No Content",
    });
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--forward-to", &url]);
    let id = service.accepted("1", "{}");
    let states = service.ended(&id);
    let dead: Vec<&str> = states
        .iter()
        .filter(|(_, state)| state == "dead")
        .map(|(name, _)| &**name)
        .collect();
    assert_eq!(dead, ["forward"]);
    arrived.recv_timeout(TIME_LIMIT).expect("one call");

    let listed = service.get("/dead").json();
    let listed = &listed["dead"][0];
    assert_eq!(
        (&listed["id"], &listed["listener"], &listed["attempts"]),
        (&json!(id), &json!("forward"), &json!(1))
    );
    let error = listed["error"].as_str().unwrap();
    assert!(
        error.ends_with(": the receiver answered 422 Unprocessable Entity"),
        "{error}"
    );
    assert_eq!(listed.get("payload"), None);

    let redrive = format!("/dead/{id}/redrive");
    let unknown = service
        .post(&format!("{redrive}?listener=nobody"), &[], "")
        .unwrap();
    assert_eq!(unknown.status, 400, "{}", unknown.body);
    let not_dead = service
        .post(&format!("{redrive}?listener=mail"), &[], "")
        .unwrap();
    assert_eq!(not_dead.status, 404, "{}", not_dead.body);
    let malformed = service.post("/dead/x/redrive", &[], "").unwrap();
    assert_eq!(malformed.status, 400, "{}", malformed.body);
    let redriven = service.post(&redrive, &[], "").unwrap();
    assert_eq!(
        (redriven.status, redriven.json()["redriven"].clone()),
        (200, json!(["forward"]))
    );
    let states = service.until("it is done", |service| {
        let states = service.ended(&id);
        states
            .iter()
            .all(|(_, state)| state == "done")
            .then_some(states)
    });
    assert_eq!(states.len(), 4);
    arrived.recv_timeout(TIME_LIMIT).expect("a second call");
    assert!(arrived.try_recv().is_err(), "no third call");
}

/// D19: what the page shows, the metrics count.
#[test]
fn metrics_and_health_say_how_it_stands() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let id = service.accepted("1", "{}");
    service.ended(&id);
    let (status, kind, metrics) = web::get(&format!("{}/metrics", service.url)).unwrap();
    assert_eq!(status, 200);
    assert!(kind.starts_with("text/plain; version="), "{kind}");
    for name in ["soiree_outbox_stored_total{", "soiree_pool_"] {
        let is_there = metrics.lines().any(|line| line.starts_with(name));
        assert!(is_there, "no {name} in {metrics}");
    }
    let status = web::json(&format!("{}/status.json", service.url)).unwrap();
    assert_eq!(status["store"]["state"], "ok");
    assert_eq!(service.get("/health/live").status, 200);
    let ready = service.get("/health/ready");
    assert_eq!((ready.status, &*ready.body), (200, "ready\n"));
    assert_eq!(service.get("/events/x").status, 400);
    assert_eq!(
        service.get("/events/00000000000000000000000007").status,
        404
    );
}

/// The metrics say how many requests got which answer, and what became of their events; the page has the same figures.
#[test]
fn metrics_count_the_answers_to_senders() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--no-listeners"]);
    service.accepted("1", "{}");
    service.accepted("1", "{}");
    for (path, status) in [("/hooks/a.b", 400), ("/hooks/shop/x", 404)] {
        assert_eq!(service.post(path, &[], "{}").unwrap().status, status);
    }
    let foreign = [("origin", "http://evil.example")];
    assert_eq!(service.post("/batch", &foreign, "").unwrap().status, 403);
    let lines = "{\"source\": \"shop\", \"payload\": {}}\n[]\n[]\n";
    let ndjson = [("content-type", "application/x-ndjson")];
    assert_eq!(service.post("/batch", &ndjson, lines).unwrap().status, 200);
    // What only looks is not counted.
    assert_eq!(service.get("/events/x").status, 400);

    let metrics = service.get("/metrics").body;
    let counted = |name: &str| -> Vec<&str> {
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(name));
        lines.collect()
    };
    let requests = [(200, 1), (202, 2), (400, 1), (403, 1), (404, 1)]
        .map(|(status, count)| format!("{{status=\"{status}\"}} {count}"));
    assert_eq!(counted("ingest_requests_total"), requests);
    let events = [("stored", 2), ("duplicate", 1), ("rejected_line", 2)]
        .map(|(outcome, count)| format!("{{outcome=\"{outcome}\"}} {count}"));
    assert_eq!(counted("ingest_events_total"), events);
    let intake = &service.status()["intake"];
    let requests = json!({ "200": 1, "202": 2, "400": 1, "403": 1, "404": 1 });
    assert_eq!(intake["requests"], requests);
    let events = ["accepted", "duplicates", "rejected_lines"].map(|name| intake[name].as_u64());
    assert_eq!(events, [Some(2), Some(1), Some(2)]);
}

/// One event's way shows how each attempt ended, those too that the store does not keep; after a restart only what the store has.
#[test]
fn the_attempts_of_what_is_done_are_shown_until_a_restart() {
    let (url, _arrived) = receiver(|number| match number {
        0 => "500 Internal Server Error",
        _ => "204 No Content",
    });
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--forward-to", &url]);
    // The longest topic: the error names it before it says the cause.
    let long = "x".repeat(64);
    let body = format!("{{\"action\": \"{long}\"}}");
    let path = format!("/hooks/{long}");
    let answer = service.post(&path, &[("x-event", &long)], body).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.body);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let outcomes = |service: &Service, name: &str| -> Vec<(u64, String)> {
        service.ended(&id);
        let way = service.get(&format!("/events/{id}")).json();
        let listeners = way["listeners"].as_array().unwrap();
        let listener = listeners.iter().find(|listener| listener["name"] == name);
        let outcomes = listener.unwrap()["outcomes"].as_array().unwrap();
        let outcomes = outcomes.iter().map(|outcome| {
            assert!(outcome["at"].as_i64() >= way["emitted_at"].as_i64());
            let error = outcome["error"].as_str().unwrap_or("done");
            (outcome["attempt"].as_u64().unwrap(), error.to_owned())
        });
        outcomes.collect()
    };
    let forward = outcomes(&service, "forward");
    assert_eq!(forward.len(), 2, "{forward:?}");
    let (attempt, error) = &forward[0];
    assert!(
        *attempt == 1 && error.ends_with(": the receiver answered 500 Internal Server Error"),
        "{error}"
    );
    assert_eq!(forward[1], (2, "done".into()));
    assert_eq!(outcomes(&service, "mail"), [(1, "done".into())]);
    drop(service);
    let service = Service::start(data.path(), &["--forward-to", &url]);
    assert_eq!(outcomes(&service, "forward"), []);
}

/// L9: a call that is never answered is given up, and made again.
#[test]
fn a_receiver_that_never_answers_is_tried_again() {
    let (url, _arrived) = receiver(|number| match number {
        0 => SILENCE,
        _ => "204 No Content",
    });
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--forward-to", &url]);
    let silent = service.accepted_new();
    let states = service.ended(&silent);
    assert!(
        states.iter().all(|(_, state)| state == "done"),
        "{states:?}"
    );
    let way = service.get(&format!("/events/{silent}")).body;
    assert!(way.contains("the receiver did not answer: "), "{way}");
}

/// D8: dead events are listed in parts, by listener and position, and none is left out.
#[test]
fn dead_events_beyond_the_first_part_are_listed_after_its_last() {
    const EVENTS: usize = 60;
    let (url, _arrived) = receiver(|_| "422 Unprocessable Entity");
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--forward-to", &url]);
    let lines = "{\"source\": \"shop\", \"payload\": {}}\n".repeat(EVENTS);
    let ndjson = [("content-type", "application/x-ndjson")];
    let answer = service.post("/batch", &ndjson, lines).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    service.until("all are dead", |service| {
        let status = service.status();
        let listeners = status["listeners"].as_array()?;
        let dead = listeners
            .iter()
            .filter_map(|listener| listener["dead"].as_u64());
        (dead.sum::<u64>() == EVENTS as u64).then_some(())
    });
    let positions = |listed: &serde_json::Value| -> Vec<u64> {
        let dead = listed["dead"].as_array().unwrap();
        let positions = dead.iter().map(|dead| dead["position"].as_u64().unwrap());
        positions.collect()
    };
    let first = service.get("/dead").json();
    assert_eq!(first["more"], json!(["forward"]));
    let mut all = positions(&first);
    assert_eq!(all.len(), 50);
    let path = format!("/dead?listener=forward&after={}", all[49]);
    let rest = service.get(&path).json();
    assert_eq!(rest["more"], json!([]));
    all.extend(positions(&rest));
    assert_eq!(all.len(), EVENTS);
    assert!(all.is_sorted_by(|one, next| one < next), "{all:?}");
    assert_eq!(
        service.get("/dead?listener=index").json()["dead"],
        json!([])
    );
    assert_eq!(service.get("/dead?listener=nobody").status, 400);
    assert_eq!(service.get("/dead?after=x").status, 400);
}
