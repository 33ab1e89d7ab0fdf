use soiree::metrics::{self, Metrics, NameError};

use super::server::Server;
use super::support::{Other, bridge, consume, receive, soiree, texts, until};

/// N8: what a bridge does is seen from outside: each figure is a metric, read at the scrape, and goes with the bridge.
#[test]
fn metrics_of_a_bridge_are_its_figures() {
    let Some(server) = Server::start() else {
        return;
    };
    let soiree = soiree();
    let received = texts(&soiree, "order.*");
    let nats = bridge(&server);
    let metrics = Metrics::new();
    assert!(!metrics.encode().contains("soiree_nats"));
    metrics::add_nats(&metrics, &nats, "main").unwrap();
    let taken = metrics::add_nats(&metrics, &nats, "main");
    assert_eq!(
        taken,
        Err(NameError::Taken {
            name: "main".into()
        })
    );
    assert_eq!(
        metrics::add_nats(&metrics, &nats, ""),
        Err(NameError::Empty)
    );
    nats.publish(&soiree, "order.*").unwrap();
    nats.consume(&soiree, consume("shop", "*.*")).unwrap();
    soiree.emit("order.paid", String::from("1")).unwrap().wait();
    let other = Other::connect(&server);
    other.publish("acme.order.sent", "2");
    other.publish("acme.mail.%", "no topic");
    receive(&received, 2);
    other.until_all_is_acknowledged("shop");
    until("the bridge has counted", || {
        nats.stats().consumers[0].acked == 4
    });
    let text = metrics.encode();
    for line in [
        r#"soiree_nats_connected{bridge="main"} 1"#,
        r#"soiree_nats_published_total{bridge="main"} 1"#,
        r#"soiree_nats_failed_publishes_total{bridge="main"} 0"#,
        r#"soiree_nats_not_published_total{bridge="main"} 1"#,
        r#"soiree_nats_consumer_pulling{bridge="main",consumer="shop"} 1"#,
        r#"soiree_nats_consumer_lag{bridge="main",consumer="shop"} 0"#,
        // Its own event and the dead message come too, as the filter takes their subjects.
        r#"soiree_nats_consumer_received_total{bridge="main",consumer="shop"} 4"#,
        r#"soiree_nats_consumer_acks_total{bridge="main",consumer="shop",kind="dead"} 1"#,
        r#"soiree_nats_consumer_skipped_total{bridge="main",consumer="shop"} 2"#,
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    nats.close().unwrap();
    drop(nats);
    assert!(!metrics.encode().contains("soiree_nats"));
    soiree.close().unwrap();
}
