//! Taking events in.

use std::io::{Read, Write};
use std::net::TcpStream;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use soiree::sqlite::rusqlite::Connection;
use tempfile::TempDir;

use crate::service::{Service, TIME_LIMIT};

type Headers<'h> = &'h [(&'h str, &'h str)];

/// D1, D3, D6: 202 comes with the place of the event, every listener ends it, and a repeat is recognized.
#[test]
fn an_accepted_event_is_handled_by_every_listener_and_its_repeat_is_not() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let body = r#"{"action": "paid", "account": "ann", "cents": 450}"#;
    let answer = service.hook("first", body).unwrap();
    assert_eq!(answer.status, 202, "{}", answer.body);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let location = format!("/events/{id}");
    assert_eq!(answer.header("location"), Some(&*location));
    assert_eq!(answer.header("soiree-duplicate"), None);

    let states = service.ended(&id);
    let done = |name: &str| (String::from(name), String::from("done"));
    assert_eq!(states, ["export", "forward", "index", "mail"].map(done));
    let way = service.get(&location).json();
    assert_eq!(way["topic"], "hook.shop.order.paid");
    assert_eq!(way["payload"]["cents"], 450);
    assert_eq!(way["properties"]["account"], "ann");

    let repeat = service.hook("first", body).unwrap();
    assert_eq!(repeat.status, 202);
    assert_eq!(repeat.header("soiree-duplicate"), Some("true"));
    assert_eq!(repeat.json()["id"], *id);
    let other = service
        .hook("first", r#"{"action": "paid", "cents": 9}"#)
        .unwrap();
    let why = "an event of this delivery is stored, and says something else\n";
    assert_eq!((other.status, &*other.body), (409, why));

    let status = service.status();
    assert_eq!(status["intake"]["accepted"], 1);
    assert_eq!(status["intake"]["duplicates"], 1);
    assert_eq!(status["topics"][0]["events"], 1);
}

/// D2: what is not taken is answered with the cause, and nothing of it is stored.
#[test]
fn a_request_that_cannot_be_taken_is_answered_with_its_cause() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--max-body", "100"]);
    let large = format!("{{\"text\": \"{}\"}}", "x".repeat(100));
    let ndjson = [("content-type", "text/plain")];
    let dots = [("x-event", "a.b")];
    let long = "d".repeat(201);
    let long = [("x-delivery", long.as_str())];
    type Case<'c> = (&'c str, Headers<'c>, &'c str, u16, &'c str);
    let cases: [Case<'_>; 8] = [
        (
            "/hooks/shop",
            &[],
            "{\"a\": ",
            400,
            "the body cannot be read as JSON: EOF while parsing a value at line 1 column 6\n",
        ),
        (
            "/hooks/shop",
            &[],
            "[1]",
            400,
            "the body is no JSON object\n",
        ),
        (
            "/hooks/shop",
            &[],
            &large,
            413,
            "the body is larger than 100 bytes\n",
        ),
        (
            "/hooks/shop",
            &ndjson,
            "{}",
            415,
            "the header content-type is not application/json\n",
        ),
        (
            "/hooks/shop",
            &dots,
            "{}",
            400,
            "the event is \"a.b\", and may have 1 to 64 characters of a-z, A-Z, 0-9, _ and -\n",
        ),
        ("/hooks/shop", &long, "{}", 400, "the delivery is \"ddd"),
        ("/hooks/", &[], "{}", 404, "there is nothing at this path\n"),
        (
            "/batch",
            &[],
            "{}",
            415,
            "the header content-type is not application/x-ndjson or ",
        ),
    ];
    for (path, headers, body, status, why) in cases {
        let answer = service.post(path, headers, body).unwrap();
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.body);
        assert!(
            answer.body.starts_with(why),
            "{path} {body}: {}",
            answer.body
        );
    }
    // Not UTF-8, within a string that nobody reads.
    let answer = service
        .post("/hooks/shop", &[], b"{\"a\": \"\xff\"}")
        .unwrap();
    assert_eq!(answer.status, 400, "{}", answer.body);
    let answer = service.get("/hooks/shop");
    let why = "this path is there, and takes another method\n";
    assert_eq!((answer.status, &*answer.body), (405, why));
    assert_eq!(answer.header("allow"), Some("POST"));
    let status = service.status();
    assert_eq!(status["store"]["stored"], 0);
    let requests = json!({ "400": 5, "404": 1, "405": 1, "413": 1, "415": 2 });
    assert_eq!(status["intake"]["requests"], requests);
}

/// Where a secret is set, only what is signed with it is taken.
#[test]
fn only_what_is_signed_with_the_secret_of_the_source_is_taken() {
    let data = TempDir::new().unwrap();
    let secret = ("INGEST_SECRET_MY_SHOP", "open sesame");
    let service = Service::start_with(data.path(), &[], &[secret]);
    let body = r#"{"action": "paid"}"#;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.1.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let hex: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let right = format!("sha256={hex}");
    let post = |signature: Option<&str>, body: &str| {
        let header = signature.map(|signature| ("x-hub-signature-256", signature));
        let answer = service
            .post("/hooks/my-shop", header.as_slice(), body)
            .unwrap();
        answer.status
    };
    assert_eq!(post(None, body), 401);
    assert_eq!(post(Some(&hex), body), 401);
    assert_eq!(post(Some("sha256=zz"), body), 401);
    let signed_digit = right.replacen("05", "+5", 1);
    assert_ne!(signed_digit, right);
    assert_eq!(post(Some(&signed_digit), body), 401);
    assert_eq!(post(Some(&right[..right.len() - 2]), body), 401);
    assert_eq!(post(Some(&right), r#"{"action": "paid" }"#), 401);
    assert_eq!(post(Some(&right), body), 202);
    // Others need none; a batch has no signature.
    assert_eq!(service.hook("1", body).unwrap().status, 202);
    let ndjson = [("content-type", "application/x-ndjson")];
    let answer = service
        .post("/batch", &ndjson, r#"{"source": "my-shop", "payload": {}}"#)
        .unwrap();
    assert_eq!(answer.json()["status"], "rejected", "{}", answer.body);
    assert_eq!(service.status()["store"]["stored"], 2);
}

/// D1, D6: a batch is one commit, and each of its lines has an answer of its own.
#[test]
fn each_line_of_a_batch_has_an_answer() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--no-listeners"]);
    service.accepted("taken", r#"{"n": 0}"#);
    let commits = service.status()["store"]["commits"].as_u64().unwrap();
    let lines = [
        r#"{"source": "shop", "event": "order", "delivery": "1", "payload": {"n": 1}}"#,
        r#"{"source": "shop", "payload": "text"}"#,
        "",
        r#"{"source": "shop", "event": "order", "delivery": "1", "payload": {"n": 1}}"#,
        r#"{"source": "shop", "event": "order", "delivery": "taken", "payload": {"n": 9}}"#,
        r#"{"source": "shop", "payload": {}, "extra": 1}"#,
        r#"{"source": "shop", "payload": {"n": 2}}"#,
    ];
    let ndjson = [("content-type", "application/x-ndjson")];
    let answer = service.post("/batch", &ndjson, lines.join("\n")).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answers: Vec<Value> = answer
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found: Vec<_> = answers
        .iter()
        .map(|answer| {
            (
                answer["line"].as_u64().unwrap(),
                answer["status"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        (1, "stored"),
        (2, "rejected"),
        (4, "duplicate"),
        (5, "rejected"),
        (6, "rejected"),
        (7, "stored"),
    ];
    assert_eq!(found, expected, "{}", answer.body);
    let why = answers[4]["error"].as_str().unwrap();
    assert!(why.starts_with("unknown field `extra`"), "{why}");
    let status = service.status();
    assert_eq!(status["store"]["stored"], 3);
    assert_eq!(status["store"]["commits"], commits + 1);
}

/// Bounded: a request beyond `--intake` is answered at once, and says when to try again.
#[test]
fn a_request_beyond_the_limit_is_answered_429() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--intake", "1"]);
    let address = service.url.strip_prefix("http://").unwrap();
    let mut slow = TcpStream::connect(address).unwrap();
    slow.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let head = format!(
        "POST /hooks/shop HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).unwrap();
    service.until("the slow request is taken in", |service| {
        (service.status()["intake"]["in_progress"] == 1).then_some(())
    });
    let answer = service.hook("1", "{}").unwrap();
    assert_eq!(answer.status, 429, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let ndjson = [("content-type", "application/x-ndjson")];
    assert_eq!(service.post("/batch", &ndjson, "").unwrap().status, 429);
    slow.write_all(b"}").unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    service.accepted("1", "{}");
}

/// Bounded: the memory of bodies has a bound, and a batch may have the size of sixteen single events.
#[test]
fn a_batch_takes_the_places_of_sixteen_events() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--intake", "31"]);
    let address = service.url.strip_prefix("http://").unwrap();
    let mut slow = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /batch HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/jsonl\r\ncontent-length: 9\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).unwrap();
    service.until("the slow batch is taken in", |service| {
        (service.status()["intake"]["in_progress"] == 16).then_some(())
    });
    let ndjson = [("content-type", "application/x-ndjson")];
    let answer = service.post("/batch", &ndjson, "").unwrap();
    assert_eq!(answer.status, 429, "{}", answer.body);
    service.accepted("1", "{}");
}

/// D12: a full file rejects, and says so; what it has accepted is handled.
#[test]
fn a_full_store_answers_503() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--max-events", "2"]);
    let ids = ["1", "2"].map(|delivery| service.accepted(delivery, "{}"));
    let answer = service.hook("3", "{}").unwrap();
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.body, "the store is full\n");
    assert_eq!(answer.header("retry-after"), Some("1"));
    let ready = service.get("/health/ready");
    assert_eq!((ready.status, &*ready.body), (503, "full: 2 of 2 events\n"));
    assert_eq!(service.status()["store"]["state"], "full: 2 of 2 events");
    for id in ids {
        service.ended(&id);
    }
}

/// D1: while the store fails, nothing is accepted, and the sender does not learn which file that is; who runs the service does.
#[test]
fn a_store_that_fails_answers_503() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let connection = Connection::open(data.path().join("events.db")).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = service.hook("1", "{}").unwrap();
    let why = "the store fails; /health/ready says why\n";
    assert_eq!((answer.status, &*answer.body), (503, why));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let ready = service.get("/health/ready");
    assert_eq!(ready.status, 503, "{}", ready.body);
    let why = "the last commit failed: ";
    assert!(ready.body.starts_with(why), "{}", ready.body);
    connection.execute_batch("ROLLBACK").unwrap();
    let id = service.accepted("1", "{}");
    service.ended(&id);
    assert_eq!(service.get("/health/ready").status, 200);
}
