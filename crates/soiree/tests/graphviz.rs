//! Draws graphs with Graphviz. Skipped without `dot`, unless `SOIREE_TESTS_MUST_RUN` is set.
#![cfg(feature = "pool")]

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use soiree::{EventPool, KeyOrder, ListenerId, ListenerOptions, Soiree, WorkerPool};

/// Draws the graph with Graphviz. Returns all texts in the drawing, without white space, or `None` without Graphviz.
fn drawn(dot: &str) -> Option<Vec<String>> {
    let started = Command::new("dot")
        .arg("-Tsvg")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let must_run = std::env::var_os("SOIREE_TESTS_MUST_RUN").is_some();
            assert!(!must_run, "there is no `dot`: install Graphviz");
            println!("skipped: there is no `dot`, which Graphviz brings");
            return None;
        }
        Err(error) => panic!("`dot` cannot be started: {error}"),
    };
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = dot.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("dot ends");
    writer.join().unwrap().expect("dot reads all of it");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}\n{dot}");
    assert!(
        !messages.contains("Error") && !messages.contains("rror:"),
        "{messages}\n{dot}"
    );
    let svg = String::from_utf8(output.stdout).expect("SVG is UTF-8");
    let options = roxmltree::ParsingOptions {
        allow_dtd: true,
        ..Default::default()
    };
    let svg = roxmltree::Document::parse_with_options(&svg, options).expect("SVG is XML");
    let texts = svg.descendants().filter(|node| node.has_tag_name("text"));
    let texts = texts.filter_map(|node| node.text());
    Some(
        texts
            .map(|text| text.split_whitespace().collect())
            .collect(),
    )
}

/// Parts of names, and how each is shown.
const HOSTILE: [(&str, &str); 30] = [
    ("a", "a"),
    ("B7", "B7"),
    ("\"", "\""),
    ("'", "'"),
    ("\\", "\\"),
    ("\\N", "\\N"),
    ("\\G\\E", "\\G\\E"),
    ("\\n", "\\n"),
    ("<", "<"),
    (">", ">"),
    (">];", ">];"),
    ("<B>", "<B>"),
    ("</TD></TR>", "</TD></TR>"),
    ("<!--", "<!--"),
    ("-->", "-->"),
    ("]]>", "]]>"),
    ("&", "&"),
    ("&amp;", "&amp;"),
    ("&#0;", "&#0;"),
    ("{|}", "{|}"),
    ("//", "//"),
    ("é", "é"),
    ("e\u{301}", "e\u{301}"),
    ("宴会", "宴会"),
    ("🎉", "🎉"),
    ("\u{202e}", "\\u{202e}"),
    ("\u{ffff}", "\\u{ffff}"),
    ("\0", "\\0"),
    ("\n", "\\n"),
    ("\u{1b}", "\\u{1b}"),
];

/// What the name is for, which decides what it may hold.
#[derive(Clone, Copy)]
enum Of {
    Topic,
    /// Of a listener or a bulkhead.
    Name,
    /// Of a listener.
    Id,
}

/// A name, and how it is shown.
fn name(of: Of) -> impl Strategy<Value = (String, String)> {
    let invalid = move |c: char| match of {
        Of::Topic => c.is_control() || c == '?' || c == '[',
        Of::Name => c.is_control(),
        Of::Id => false,
    };
    let allowed = HOSTILE
        .into_iter()
        .filter(move |(text, _)| !text.contains(invalid));
    let part = select(allowed.collect::<Vec<_>>());
    // A segment of one such character is a wildcard of other systems.
    let foreign =
        move |parts: &Vec<(&str, &str)>| matches!(of, Of::Topic) && matches!(parts[..], [(">", _)]);
    prop::collection::vec(part, 1..5)
        .prop_filter("a wildcard of other systems", move |parts| !foreign(parts))
        .prop_map(|parts| parts.into_iter().unzip::<_, _, Vec<_>, Vec<_>>())
        .prop_map(|(text, shown)| (text.concat(), shown.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// L1, T1: Graphviz can read a graph with any names, and shows them unchanged.
    #[test]
    fn any_name_can_be_drawn(
        listeners in prop::collection::vec((name(Of::Topic), name(Of::Name), name(Of::Id)), 1..12),
        bulkheads in prop::collection::btree_map(name(Of::Name), name(Of::Topic), 0..4),
    ) {
        let mut expected = Vec::new();
        let mut builder = EventPool::builder();
        let mut routed = std::collections::HashSet::new();
        for ((bulkhead, shown), (route, shown_route)) in &bulkheads {
            builder = builder.bulkhead(bulkhead, WorkerPool::new(1, 1).unwrap());
            expected.push(shown.clone());
            if routed.insert(route) {
                builder = builder.route(route, bulkhead);
                expected.push(shown_route.clone());
            }
        }
        let soiree = builder.build().unwrap();
        for (number, ((pattern, shown), (name, shown_name), (id, shown_id))) in listeners.iter().enumerate() {
            let id = format!("{number}{id}");
            let shown_id = format!("{number}{shown_id}");
            soiree.set_id_generator(move || ListenerId::new(&*id));
            let mut options = ListenerOptions::new();
            if number % 2 == 0 {
                options = options.name(&**name);
                expected.push(shown_name.clone());
            } else {
                expected.push(shown_id);
            }
            soiree.on_with(pattern, options, |_| {}).unwrap();
            expected.push(shown.clone());
        }
        let dot = soiree.graph().to_dot();
        if let Some(texts) = drawn(&dot) {
            for name in expected {
                prop_assert!(texts.contains(&name), "no {name:?} in {texts:?}\n{dot}");
            }
        }
        soiree.close().unwrap();
    }
}

/// L1, L6: the drawing shows patterns, listeners with priority and place, pools and routes.
#[test]
fn the_drawing_shows_who_listens_and_what_runs_where() {
    let soiree = EventPool::builder()
        .bulkhead("http", WorkerPool::new(3, 7).unwrap())
        .route("hook.sent", "http")
        .ordered(
            "hook.*",
            KeyOrder::by(|event| Some(event.topic().len() as u64)),
        )
        .ordered("ordered", KeyOrder::by(|_| Some(1_u64)))
        .build()
        .unwrap();
    let options = ListenerOptions::from(soiree::Priority::High);
    let options = options.name("audit").pool("http").once();
    let options = options.slow_after(Duration::from_millis(200));
    let line = line!() + 1;
    soiree.on_with("hook.*", options, |_| {}).unwrap();
    let dot = soiree.graph().to_string();
    if let Some(texts) = drawn(&dot) {
        let place = format!("{}:{line}", file!());
        let options = "1runleft,slowafter200ms,onhttp";
        let expected = [
            "hook.",
            "hook.*",
            "hook.sent",
            "high",
            "audit",
            &place,
            options,
            "default",
            "http",
            "orderedbykey:0underway,0eventswaiting",
            "ordered",
        ];
        for text in expected
            .into_iter()
            .chain(["0of3workers", "0of7waiting", "route"])
        {
            assert!(
                texts.iter().any(|found| found == text),
                "no {text:?} in {texts:?}"
            );
        }
    }
    // One arrow for the route, one for the listener.
    assert_eq!(dot.matches("-> n2 [").count(), 2, "{dot}");
    soiree.drain_bulkhead("http").unwrap();
    let dot = soiree.graph().to_dot();
    assert!(dot.contains("on http, which was removed") && !dot.contains("darkorange"));
    soiree.close().unwrap();
}

/// L6: a route has an arrow from each pattern that it decides about, and the legend explains what is drawn, and nothing else.
#[test]
fn a_route_has_arrows_from_the_patterns_that_it_applies_to() {
    let soiree = EventPool::builder()
        .bulkhead("mail", WorkerPool::new(1, 1).unwrap())
        .route("mail.**", "mail")
        .build()
        .unwrap();
    for pattern in ["mail.sent", "mail.*.bounced", "mail.**", "order.*", "**"] {
        soiree.on(pattern, |_| {}).unwrap();
    }
    let dot = soiree.graph().to_dot();
    assert_eq!(dot.matches(r#"[label="route""#).count(), 3, "{dot}");
    let legend = |soiree: &EventPool| drawn(&soiree.graph().to_dot());
    let has = |texts: &[String], part: &str| texts.iter().any(|text| text.contains(part));
    if let Some(texts) = legend(&soiree) {
        assert!(
            has(&texts, "boldarrow:") && has(&texts, "apool"),
            "{texts:?}"
        );
        assert!(
            !has(&texts, "dashedarrow:") && !has(&texts, "astore"),
            "{texts:?}"
        );
    }
    let options = ListenerOptions::new().pool("mail");
    soiree.on_with("order.*", options, |_| {}).unwrap();
    if let Some(texts) = legend(&soiree) {
        assert!(has(&texts, "dashedarrow:"), "{texts:?}");
    }
    soiree.close().unwrap();
}

/// T3: an `EventPool` without listeners has a graph too.
#[test]
fn an_empty_event_pool_can_be_drawn() {
    let soiree = EventPool::new();
    if let Some(texts) = drawn(&soiree.graph().to_dot()) {
        assert!(texts.iter().any(|text| text == "default"), "{texts:?}");
    }
    let group = soiree.group();
    drop(soiree);
    if let Some(texts) = drawn(&group.graph().to_dot()) {
        assert!(texts.is_empty(), "{texts:?}");
    }
}

/// D15: the graph of an outbox shows its store, its durable listeners with a double border and an arrow, and those that nobody has subscribed.
#[cfg(feature = "outbox")]
#[test]
fn the_graph_of_an_outbox_shows_its_store() {
    use soiree::codec::Text;
    use soiree::store::{Claim, StartFrom, Store};
    use soiree_testkit::MemoryStore;

    let store = MemoryStore::new();
    store.open().unwrap();
    let claim = store.claim("<old> mail", "order.*", StartFrom::Oldest);
    let Claim::Held(term, _) = claim.unwrap() else {
        panic!("nobody has it")
    };
    store.release(&term).unwrap();
    let outbox = soiree::Outbox::builder(store).codec("order.*", Text);
    let outbox = outbox.build(EventPool::new()).unwrap();
    let mail = ListenerOptions::new().durable("mail");
    outbox
        .on_with("order.*", mail, |_: &dyn soiree::Event| {})
        .unwrap();
    outbox.emit("order.paid", String::from("x")).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let stands = |one: &soiree::DurableInfo| one.waiting == 1 && one.is_held != one.is_orphan;
    while !outbox.listeners().iter().all(stands) {
        assert!(std::time::Instant::now() < deadline, "nothing waits");
    }
    let graph = outbox.graph();
    let dot = graph.to_dot();
    assert_eq!(dot.matches("shape=cylinder").count(), 1, "{dot}");
    assert_eq!(dot.matches(r#"TABLE BORDER="1""#).count(), 1, "{dot}");
    assert_eq!(dot.matches("seagreen4").count(), 1, "{dot}");
    if let Some(texts) = drawn(&dot) {
        for text in [
            "amemorystore",
            "events:1",
            "mail",
            "durable:1waiting,0parked,0dead",
            "<old>mailisnotsubscribed:1waiting,0parked,0dead",
        ] {
            assert!(texts.iter().any(|one| one == text), "{text}: {texts:?}");
        }
    }
    let listeners = &graph.stores[0].listeners;
    let names: Vec<&str> = listeners.iter().map(|listener| &*listener.name).collect();
    assert_eq!(names, ["<old> mail", "mail"]);
    assert!(outbox.event_pool().graph().stores.is_empty());
    outbox.close().unwrap();
}
