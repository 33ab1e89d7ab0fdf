//! Requests of somebody who means no good.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::service::{Service, TIME_LIMIT};

/// Sends these bytes, and returns the status line.
fn raw(service: &Service, bytes: &[u8]) -> String {
    let address = service.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer);
    answer.lines().next().unwrap_or_default().to_owned()
}

fn hook(source: &str, host: &str, more: &str) -> Vec<u8> {
    format!(
        "POST /hooks/{source} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n{more}content-length: 2\r\nconnection: close\r\n\r\n{{}}"
    )
    .into_bytes()
}

/// A source is one plain word, however it is written.
#[test]
fn a_source_that_is_no_plain_word_is_rejected() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let long = "a".repeat(300);
    let sources = [
        "%2e%2e",
        "..%2f..%2fetc",
        "a%00b",
        "%ff%fe",
        "a%2Eb",
        "*",
        "%2A%2A",
        "a%20b",
        "%C2%A0",
        "%E2%80%AEb",
        &long,
    ];
    for source in sources {
        let status = raw(&service, &hook(source, "localhost", ""));
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{source}");
    }
    for source in ["a/b", "../hooks/a", ""] {
        let status = raw(&service, &hook(source, "localhost", ""));
        assert_eq!(status, "HTTP/1.1 404 Not Found", "{source}");
    }
    assert_eq!(service.status()["store"]["stored"], 0);
}

/// A flood of headers, half a request, and what is no HTTP end the connection, and nothing else.
#[test]
fn malformed_requests_do_not_disturb_others() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    let many: String = (0..100)
        .map(|number| format!("x-{number}: y\r\n"))
        .collect();
    let status = raw(&service, &hook("shop", "localhost", &many));
    assert_eq!(status, "HTTP/1.1 431 Request Header Fields Too Large");
    let large = format!("x-large: {}\r\n", "y".repeat(1 << 20));
    let status = raw(&service, &hook("shop", "localhost", &large));
    assert!(status.is_empty() || status.contains(" 431 "), "{status}");
    for bytes in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let status = raw(&service, bytes);
        assert!(status.is_empty() || status.contains(" 400 "), "{status}");
    }
    // Deeper than a parser should follow.
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let answer = service.hook("deep", &deep).unwrap();
    assert!([202, 400].contains(&answer.status), "{}", answer.status);
    let other = service.accepted("other", "{}");
    service.ended(&other);
}

/// A page of another origin cannot reach a service on loopback, by whatever name.
#[test]
fn requests_of_foreign_pages_are_rejected() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    for host in [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example:1",
        "127.0.0.2",
        "",
    ] {
        let status = raw(&service, &hook("shop", host, ""));
        assert_eq!(status, "HTTP/1.1 421 Misdirected Request", "{host}");
    }
    for host in [
        "localhost",
        "LocalHost:8090",
        "127.0.0.1:8090",
        "[::1]:8090",
    ] {
        let status = raw(&service, &hook("shop", host, ""));
        assert_eq!(status, "HTTP/1.1 202 Accepted", "{host}");
    }
    let foreign = hook("shop", "localhost", "origin: http://evil.example\r\n");
    assert_eq!(raw(&service, &foreign), "HTTP/1.1 403 Forbidden");
    let own = hook("shop", "localhost:1", "origin: http://localhost:1\r\n");
    assert_eq!(raw(&service, &own), "HTTP/1.1 202 Accepted");
}

/// The address that it is bound to is a name of its own.
#[cfg(target_os = "linux")]
#[test]
fn a_service_on_another_loopback_address_answers_to_that() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--bind", "127.0.0.2:0"]);
    service.accepted("1", "{}");
    let status = raw(&service, &hook("shop", "127.0.0.3", ""));
    assert_eq!(status, "HTTP/1.1 421 Misdirected Request");
}

/// A header that decides something is there once: of two values, a proxy may have checked the other one.
#[test]
fn a_header_that_is_there_twice_is_rejected() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    for header in [
        "x-event: a",
        "x-delivery: a",
        "origin: http://localhost",
        "host: localhost",
        "content-type: application/json",
        "content-encoding: identity",
    ] {
        let twice = format!("{header}\r\n{header}\r\n");
        let status = raw(&service, &hook("shop", "localhost", &twice));
        assert_eq!(status, "HTTP/1.1 400 Bad Request", "{header}");
    }
    // Neither is a header that nobody can read as good as none.
    let other = "origin: http://localh\u{f6}st\r\n";
    let status = raw(&service, &hook("shop", "localhost", other));
    assert_eq!(status, "HTTP/1.1 400 Bad Request");
    assert_eq!(service.status()["store"]["stored"], 0);
}

/// The host in the target is the one that was meant, whatever the header says.
#[test]
fn a_target_of_another_host_is_rejected() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    for (target, status) in [
        ("http://evil.example/status.json", "421 Misdirected Request"),
        ("http://localhost:8090/status.json", "200 OK"),
        ("/status.json", "200 OK"),
        ("*", "404 Not Found"),
    ] {
        let head = "host: localhost\r\nconnection: close\r\n\r\n";
        let request = format!("GET {target} HTTP/1.1\r\n{head}");
        let found = raw(&service, request.as_bytes());
        assert_eq!(found, format!("HTTP/1.1 {status}"), "{target}");
    }
}

/// What is no plain body of its type is answered with the cause, and the answer is short however long the request was.
#[test]
fn bodies_that_are_made_to_hurt_get_short_answers() {
    const MIB: usize = 1 << 20;
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--no-listeners"]);
    let ndjson = ("content-type", "application/x-ndjson");
    let gzip = ("content-encoding", "gzip");
    let compressed = "the body is compressed, and is to be sent as it is\n";
    let answer = service.post("/hooks/shop", &[gzip], "\u{1f}").unwrap();
    assert_eq!((answer.status, &*answer.body), (415, compressed));
    let answer = service.post("/batch", &[ndjson, gzip], "\u{1f}").unwrap();
    assert_eq!((answer.status, &*answer.body), (415, compressed));

    let long = "y".repeat(2 * MIB);
    let too_many = "the body has more than 10000 lines\n";
    let rejected: [(String, u16, &str); 8] = [
        ("\n".repeat(MIB), 413, too_many),
        ("\n".repeat(16 * MIB), 413, too_many),
        ("\n".repeat(16 * MIB + 1), 413, "the body is larger than "),
        (
            "\r\n \n".into(),
            400,
            "the body has no line with an event\n",
        ),
        (long.clone(), 200, "{\"error\":\"expected value at line 1"),
        (
            format!("{{\"source\": \"a\", \"payload\": {{\"x\": \"{long}\"}}}}"),
            200,
            "{\"error\":\"the payload is larger than 1048576 bytes\"",
        ),
        (
            format!("{{\"{long}\": 1}}"),
            200,
            "{\"error\":\"unknown field `yyy",
        ),
        (
            format!("{{\"source\": \"{long}\", \"payload\": {{}}}}"),
            200,
            "{\"error\":\"the source is ",
        ),
    ];
    for (body, status, why) in rejected {
        let answer = service.post("/batch", &[ndjson], body).unwrap();
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.starts_with(why), "{}", answer.body);
        assert!(answer.body.len() < 600, "{} bytes", answer.body.len());
    }
    assert_eq!(service.status()["store"]["stored"], 0);
}

/// What is too long for the name of an account is none: it is kept in memory while its events wait for each other.
#[test]
fn an_account_of_any_length_is_taken_and_a_long_one_is_none() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &[]);
    for (letters, found) in [(200, "a".repeat(200)), (201, "shop".into())] {
        let body = format!("{{\"account\": \"{}\"}}", "a".repeat(letters));
        let id = service.accepted(&letters.to_string(), &body);
        let way = service.get(&format!("/events/{id}")).json();
        assert_eq!(way["properties"]["account"], found);
    }
}

/// Bounded: a body that comes byte by byte holds its place for ten seconds, and no longer.
#[test]
fn a_body_that_comes_slowly_is_cut_off() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--intake", "1"]);
    let address = service.url.strip_prefix("http://").unwrap();
    let mut slow = TcpStream::connect(address).unwrap();
    let pace = Duration::from_millis(500);
    slow.set_read_timeout(Some(pace)).unwrap();
    let head = format!(
        "POST /hooks/shop HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).unwrap();
    let (start, mut answer) = (Instant::now(), [0; 64]);
    let bytes = loop {
        match slow.read(&mut answer) {
            Ok(bytes) => break bytes,
            // Once it has an answer, nobody takes what comes.
            Err(_) => {
                let _ = slow.write_all(b" ");
            }
        }
        assert!(start.elapsed() < TIME_LIMIT, "no answer");
    };
    let answer = String::from_utf8_lossy(&answer[..bytes]);
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    service.accepted("1", "{}");
}

/// Bounded: a client that sends nothing, and one that never reads its answers, are cut off, and their places are free for others.
#[test]
fn clients_that_do_nothing_are_cut_off() {
    let data = TempDir::new().unwrap();
    let service = Service::start(data.path(), &["--connections", "2"]);
    let address = service.url.strip_prefix("http://").unwrap();
    let mut silent = TcpStream::connect(address).unwrap();
    silent.set_read_timeout(Some(TIME_LIMIT)).unwrap();
    let mut deaf = TcpStream::connect(address).unwrap();
    deaf.set_write_timeout(Some(TIME_LIMIT)).unwrap();
    let request = format!("GET /page.js HTTP/1.1\r\nhost: {address}\r\n\r\n").repeat(100);
    let end = loop {
        if let Err(end) = deaf.write_all(request.as_bytes()) {
            break end.kind();
        }
    };
    let is_closed = matches!(end, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
    assert!(is_closed, "{end}");
    assert_eq!(silent.read(&mut [0]).unwrap(), 0);
    // Both are still open at this end.
    service.accepted("1", "{}");
    drop((silent, deaf));
}
