//! What others may send, and what codecs may do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use soiree::codec::Codec;
use soiree::nats::async_nats::HeaderMap;
use soiree::{BoxError, Payload};

use super::server::Server;
use super::support::{Other, bridge, builder, consume, receive, soiree, texts, until};

/// Publishes as no client would, and waits until the server has it.
fn publish_raw(server: &Server, lines: &[u8]) {
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    socket
        .write_all(b"CONNECT {\"verbose\":false,\"headers\":true}\r\n")
        .unwrap();
    socket.write_all(lines).unwrap();
    socket.write_all(b"PING\r\n").unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 1_024]);
    while !answer.ends_with(b"PONG\r\n") {
        let read = socket.read(&mut buffer).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend(&buffer[..read]);
    }
}

/// N2, N4: a message that the client cannot read, so that it closes the connection, goes to the dead subject, and holds up nothing for long.
#[test]
fn a_message_that_the_client_cannot_read_is_in_the_dead_subject() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let nats = bridge(&server);
    let other = Other::connect(&server);
    // Others are before, between and behind.
    other.publish("acme.order.a", "0");
    publish_raw(&server, b"PUB acme.order.\xff\xfe 7\r\nsubject\r\n");
    other.publish("acme.order.a", "1");
    publish_raw(
        &server,
        b"HPUB acme.order.b 24 30\r\nNATS/1.0\r\nA: \xff\xfeabcde\r\n\r\nheader\r\n",
    );
    publish_raw(
        &server,
        b"HPUB acme.order.c 21 25\r\nNATS/1.0\r\nabcdefg\r\n\r\nname\r\n",
    );
    other.publish("acme.order.a", "2");
    assert_eq!(other.messages(), 6);
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    until("all have ended", || {
        let info = other.consumer("shop");
        info.num_pending == 0 && info.num_ack_pending == 0
    });
    let mut texts: Vec<String> = received.try_iter().collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts, ["0", "1", "2"]);
    let mut dead: Vec<_> = other
        .on("acme.$dead.shop")
        .into_iter()
        .map(|message| {
            let text = |name| message.headers.get(name).unwrap().to_string();
            let payload = String::from_utf8(message.payload.to_vec()).unwrap();
            let subject = text("Soiree-Dead-Subject");
            (payload, subject, text("Soiree-Dead-Reason"))
        })
        .collect();
    dead.sort();
    let [
        (header, _, why),
        (name, of_name, _),
        (subject, of_subject, why_subject),
    ] = &dead[..]
    else {
        panic!("{dead:?}");
    };
    assert_eq!([header, name, subject], ["header", "name", "subject"]);
    assert_eq!([of_name, of_subject], ["acme.order.c", "acme.order.??"]);
    assert!(why.contains("headers cannot be read"), "{why}");
    assert!(why_subject.contains("no UTF-8"), "{why_subject}");
    // And the bridge works.
    other.publish("acme.order.a", "3");
    assert_eq!(receive(&received, 1), ["3"]);
    assert_eq!(nats.stats().consumers[0].dead, 3);
    nats.close().unwrap();
    soiree.close().unwrap();
}

/// A codec that panics in one of its methods.
struct Panics(&'static str);

impl Codec for Panics {
    fn name(&self) -> &str {
        assert_ne!(self.0, "name", "no name");
        "panics"
    }

    fn encode(&self, _: &Payload) -> Result<Vec<u8>, BoxError> {
        assert_ne!(self.0, "encode", "no bytes");
        Ok(vec![1])
    }

    fn decode(&self, _: &str, _: &[u8]) -> Result<Payload, BoxError> {
        panic!("no payload")
    }
}

/// N4: a codec that panics fails: what it cannot write is not published, and what it cannot read is in the dead subject at once.
#[test]
fn a_codec_that_panics_holds_up_nothing() {
    for (method, published, reason) in [
        ("name", 0, "there is no codec for the topic order.b"),
        ("encode", 0, "decoding the payload panicked: no payload"),
        ("decode", 1, "decoding the payload panicked: no payload"),
    ] {
        let Some(server) = Server::start() else {
            return;
        };
        let soiree = soiree();
        let nats = builder(&server)
            .codec("order.*", Panics(method))
            .connect()
            .unwrap();
        nats.publish(&soiree, "order.*").unwrap();
        let report = soiree.emit("order.a", String::from("1")).unwrap().wait();
        assert_eq!((report.failed(), report.retried()), (1 - published, 0));
        nats.consume(&soiree, consume("shop", "order.b")).unwrap();
        let other = Other::connect(&server);
        assert_eq!(other.messages(), published);
        other.publish("acme.order.b", "2");
        until("it is dead", || nats.stats().consumers[0].dead == 1);
        other.until_all_is_acknowledged("shop");
        let dead = other.on("acme.$dead.shop");
        assert_eq!(dead.len(), 1);
        let why = dead[0].headers.get("Soiree-Dead-Reason").unwrap();
        assert_eq!(why.as_str(), reason);
        nats.close().unwrap();
        soiree.close().unwrap();
    }
}

/// A content type is read whatever its case, as its standard says.
#[test]
fn a_content_type_has_no_case() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let nats = bridge(&server);
    nats.consume(&soiree, consume("shop", "order.*")).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "Text/Plain; charset=UTF-8");
    Other::connect(&server).publish_with("acme.order.a", headers, "1");
    assert_eq!(receive(&received, 1), ["1"]);
    nats.close().unwrap();
    soiree.close().unwrap();
}
