//! The layers of the folder `programs`.

/// A crate, and its top-level modules from bottom to top.
pub(super) type Layers = (&'static str, &'static [&'static str]);

pub(super) const PROGRAMS: &[Layers] = &[
    ("soiree-programs", &["client", "output", "stop"]),
    (
        "soiree-programs/bulkheads",
        &[
            "options",
            "output",
            "webhooks",
            "kinds",
            "meter",
            "arrangement",
            "live",
            "report",
        ],
    ),
    (
        "soiree-programs/fleet",
        &[
            "outcome", "options", "order", "journal", "process", "member", "broker", "demo",
            "prove",
        ],
    ),
    (
        "soiree-programs/ingest",
        &[
            "trace",
            "folder",
            "gate",
            "signature",
            "options",
            "draft",
            "listeners",
            "outcomes",
            "arrangement",
            "intake",
            "receiver",
            "board",
            "corpus",
            "web",
            "service",
            "child",
            "prove",
            "bench",
        ],
    ),
    (
        "soiree-programs/metrics",
        &[
            "options",
            "recent",
            "listeners",
            "board",
            "work",
            "durable",
            "bridge",
            "load",
            "server",
        ],
    ),
    ("soiree-programs/outbox", &["options", "demo"]),
    (
        "soiree-programs/replay",
        &["source", "options", "feed", "listeners", "summary"],
    ),
    (
        "soiree-programs/web_service",
        &[
            "options",
            "order",
            "provider",
            "calls",
            "tally",
            "listeners",
            "drain",
            "server",
        ],
    ),
];
