//! A pattern that would take exponential time if matched naively.

use std::fmt::Write;

use soiree::EventPool;

use crate::case::Case;
use crate::emit_loop::EmitLoop;
use crate::listener::count_call;

const DOUBLE_WILDCARDS: usize = 8;
const SEGMENTS: [usize; 2] = [50, 100];

pub(crate) fn cases() -> Vec<Case> {
    SEGMENTS
        .into_iter()
        .map(|segments| {
            Case::new(format!("stars-{segments}"), "soiree", move || {
                double_wildcards(segments)
            })
        })
        .collect()
}

/// No topic comes twice, so that every one has to be matched.
fn double_wildcards(segments: usize) -> EmitLoop<impl FnMut(u64)> {
    let soiree = EventPool::new();
    // It matches none of the topics, which is what takes longest to find out.
    let pattern = ["**.a"; DOUBLE_WILDCARDS].join(".");
    for pattern in [pattern.as_str(), "**"] {
        soiree
            .on(pattern, |_| count_call())
            .expect("the pattern is sound");
    }
    let stem = "a.".repeat(segments - 1);
    let mut topic = stem.clone();
    let mut number = 0_u64;
    EmitLoop::new(1, move |payload| {
        topic.truncate(stem.len());
        number += 1;
        write!(topic, "{number}").expect("there is room in a string");
        let report = soiree.emit_sync(&topic, payload);
        assert!(
            report.is_ok_and(|report| report.is_ok()),
            "a listener failed"
        );
    })
}
