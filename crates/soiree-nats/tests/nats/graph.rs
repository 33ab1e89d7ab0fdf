use std::time::Duration;

use soiree::Retry;

use super::partitions::{PARTITIONS, group, partitioned};
use super::server::Server;
use super::support::{Other, consume, receive, soiree, texts, until};

/// N8: a graph shows the bridge: whether it is connected, what it has published and brought, which listeners publish, and which patterns get
/// what it brings. The partitions of a group are one consumer.
#[test]
fn a_graph_shows_the_bridge() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "kept.*");
    soiree.on("other.*", |_| ()).unwrap();
    let nats = partitioned(&server);
    let id = nats.publish(&soiree, "mail.*").unwrap();
    nats.consume(&soiree, group("billing")).unwrap();
    let once = Retry::fixed(Duration::ZERO, 1);
    nats.consume(&soiree, consume("strict", "kept.**").retry(once))
        .unwrap();
    soiree.emit("mail.sent", String::from("1")).unwrap().wait();
    let other = Other::connect(&server);
    let subject = nats.subjects().subject("kept.a");
    other.publish(&subject, "2");
    other.publish(&subject.replace("kept.a", "kept.%"), "no topic");
    assert_eq!(receive(&received, 2), ["2", "2"]);
    let shown = || {
        let mut graph = soiree.graph();
        graph.bridges.push(nats.info());
        graph
    };
    until("all have ended", || {
        let mut consumers = shown().bridges.remove(0).consumers.into_iter();
        consumers.all(|one| (one.acked, one.lag, one.dead) == (2, 0, 1))
    });
    let graph = shown();
    let bridge = &graph.bridges[0];
    assert_eq!(&*bridge.name, "NATS EVENTS");
    assert!(bridge.is_connected);
    assert_eq!((bridge.published, &bridge.publishers), (1, &vec![id]));
    let [billing, strict] = &bridge.consumers[..] else {
        panic!("{bridge:?}")
    };
    assert_eq!(
        (&*billing.name, billing.partitions),
        ("billing", Some(PARTITIONS))
    );
    assert_eq!((&*strict.name, strict.partitions), ("strict", None));
    assert!(billing.is_pulling && strict.is_pulling);
    let dot = graph.to_dot();
    // Its own, and that of the legend.
    assert_eq!(dot.matches("lavender").count(), 2, "{dot}");
    // One that publishes, and two that bring what `kept.*` gets.
    assert_eq!(dot.matches("mediumpurple3").count(), 3, "{dot}");
    assert!(dot.contains("connected, 1 published"), "{dot}");
    let text = format!("billing consumes kept.** in {PARTITIONS} partitions: 0 waiting");
    assert!(dot.contains(&text), "{dot}");
    server.kill();
    until("it is noticed", || {
        shown().to_dot().contains("not connected")
    });
    nats.close().unwrap();
    soiree.close().unwrap();
}
