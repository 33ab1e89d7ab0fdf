//! A pattern that takes exponential time to match with naive backtracking.

use std::fmt::Write;

use soiree::EventPool;

use crate::case::Case;
use crate::emit_loop::EmitLoop;
use crate::listener::count_call;

/// The number of `**` in the pattern.
const DOUBLE_WILDCARDS: usize = 8;
/// The numbers of segments of the topics.
const SEGMENTS: [usize; 2] = [50, 100];

pub(crate) fn cases() -> Vec<Case> {
    SEGMENTS
        .into_iter()
        .map(|segments| {
            Case::new(format!("wildcards-{segments}"), "soiree", move || {
                double_wildcards(segments)
            })
        })
        .collect()
}

/// Emits each topic once, so that no cache can help.
fn double_wildcards(segments: usize) -> EmitLoop<impl FnMut(u64)> {
    let soiree = EventPool::new();
    // It matches none of the topics: a mismatch takes longest to find.
    let pattern = ["**.a"; DOUBLE_WILDCARDS].join(".");
    for pattern in [pattern.as_str(), "**"] {
        soiree
            .on(pattern, |_| count_call())
            .expect("the pattern is valid");
    }
    let stem = "a.".repeat(segments - 1);
    let mut topic = stem.clone();
    let mut number = 0_u64;
    EmitLoop::new(1, move |payload| {
        topic.truncate(stem.len());
        number += 1;
        write!(topic, "{number}").expect("a string grows");
        let report = soiree.emit_sync(&topic, payload);
        assert!(
            report.is_ok_and(|report| report.is_ok()),
            "a listener failed"
        );
    })
}
