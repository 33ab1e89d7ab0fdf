//! The layers of each crate: the order of its top-level modules.
//!
//! A module imports only from those named before it. If a check fails, do not just move names until it passes: the order
//! is the design, and the import may be what is wrong.

/// A crate, and its top-level modules from bottom to top.
type Layers = (&'static str, &'static [&'static str]);

/// A program in `src/bin` has the name `package/program`; it needs a list only if it has modules.
const LAYERS: &[Layers] = &[
    (
        "soiree-core",
        &[
            "sync",
            "panic",
            "topic",
            "priority",
            "properties",
            "payload",
            "stats",
            "event",
            "rejection",
            "job",
            "timer",
            "pool",
            "pool_handle",
            "listener",
            "error",
            "retry",
            "options",
            "introspection",
            "observe",
            "registry",
        ],
    ),
    (
        "soiree-engine",
        &[
            "context",
            "gate",
            "trace",
            "slow",
            "routing",
            "ordering",
            "graph",
            "settings",
            "invocation",
            "dispatch",
            "emission",
            "emitter",
            "soiree",
        ],
    ),
    (
        "soiree-bounded",
        &[
            "cancellation",
            "permit",
            "executor",
            "state",
            "shared",
            "submit",
            "run",
            "pool",
        ],
    ),
    (
        "soiree-pool",
        &[
            "sync", "strategy", "state", "counters", "shared", "worker", "seats", "resize",
            "shutdown", "submit", "pool", "builder",
        ],
    ),
    (
        "soiree-metrics",
        &[
            "family",
            "figures",
            "options",
            "event_pool",
            "exposition",
            "metrics",
            "builder",
            "observe",
        ],
    ),
    (
        "soiree-testkit",
        &[
            "conformance",
            "journal",
            "manual_pool",
            "manual_timer",
            "model",
            "recorder",
            "soak",
        ],
    ),
    ("soiree-pond", &["executor", "pool"]),
    ("soiree-rayon", &["executor", "pool"]),
    (
        "soiree-tokio",
        &["blocking_executor", "pool", "task_executor", "task_pool"],
    ),
    (
        "soiree",
        &[
            "guide",
            "pool",
            "observe",
            "engine",
            "timer_thread",
            "handle",
            "builder",
            "event_pool",
            "settings",
            "bulkheads",
            "ordered",
            "observers",
            "metrics",
            "introspection",
            "topic",
            "contract",
            "typed",
            "subscription",
            "async_listeners",
        ],
    ),
    (
        "soiree-benches",
        &[
            "sample",
            "measure",
            "latch",
            "listener",
            "go_port",
            "registries",
            "pools",
            "case",
            "emit_loop",
            "dispatch",
            "matching",
            "wildcard",
            "subscribe",
            "jobs",
            "emit",
            "catalog",
            "memory",
        ],
    ),
    (
        "soiree-benches/bench-report",
        &[
            "result",
            "options",
            "statistics",
            "format",
            "host",
            "case_id",
            "process",
            "runs",
            "comparison",
            "chapters",
            "rounds",
            "plots",
            "markdown",
        ],
    ),
    (
        "xtask",
        &[
            "result",
            "workspace",
            "source",
            "promises",
            "benches",
            "arrows",
            "instructions",
            "model",
            "mutants",
            "size",
            "soak",
            "tidy",
            "ci",
        ],
    ),
];

/// The names of all crates that have layers.
pub(super) fn crates() -> impl Iterator<Item = &'static str> {
    LAYERS.iter().map(|(name, _)| *name)
}

/// The top-level modules of a crate, bottom to top.
pub(super) fn of(name: &str) -> Option<&'static [&'static str]> {
    let (_, layers) = LAYERS.iter().find(|(known, _)| *known == name)?;
    Some(layers)
}
