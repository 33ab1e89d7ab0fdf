//! The workloads of other chapters, built otherwise.

use super::chapter::{Chapter, Group, SOIREE, built, case_ids, comparison};
use super::pools::{self, BOXED, ONE_VALUE};
use crate::build::Build;
use crate::case_id::CaseId;
use crate::comparison::{Comparison, Target};

const LOOP: &str = "RwLock loop";

pub(super) fn without_lto() -> Chapter {
    let (mut groups, mut comparisons) = (Vec::new(), Vec::new());
    for (kind, most) in [("sync", 1.3), ("sync-read", 1.5)] {
        for listeners in [1, 10, 100] {
            let (group, against_loop) = emit_sync(&format!("{kind}-{listeners}"), most);
            groups.push(group);
            comparisons.push(against_loop);
        }
    }
    let emits = pools::emits(Build::NoLto, &[ONE_VALUE]);
    let jobs = pools::jobs(Build::NoLto, &[BOXED]);
    for (more, compared) in [emits, jobs] {
        groups.extend(more);
        comparisons.extend(compared);
    }
    Chapter {
        title: "Without LTO",
        about: "Workloads of the chapters above, where soiree, the other crates and the loop are built as Cargo builds programs \
                that set nothing for `release`: no LTO, and 16 codegen units. Then a call into another crate is inlined only if what \
                it calls is generic, small or marked for it. Compare rows with each other, not with those of other chapters.",
        costs: "",
        groups,
        comparisons,
    }
}

/// `emit_sync` against the loop, which it may take this many times as long as.
fn emit_sync(workload: &str, most: f64) -> (Group, Comparison) {
    let name = format!("{workload}{}", Build::NoLto.suffix());
    let cases = |subjects: &[&str]| built(Build::NoLto, case_ids(workload, subjects));
    let group = Group::new(&name, cases(&[SOIREE, LOOP, "mod-events"]));
    let against_loop = comparison(
        &format!("{name}: vs a bare loop"),
        CaseId::new(workload, SOIREE).built(Build::NoLto),
        cases(&[LOOP]),
        Target::MaxTimeRatio(most),
    );
    (group, against_loop)
}

pub(super) fn with_mimalloc() -> Chapter {
    let (mut groups, mut comparisons) = pools::emits(Build::Mimalloc, &pools::EMITTERS);
    let (more, compared) = pools::jobs(Build::Mimalloc, &pools::job_runners());
    groups.extend(more);
    comparisons.extend(compared);
    Chapter {
        title: "With mimalloc",
        about: "Events through a pool and tiny jobs again, with mimalloc instead of the system's allocator for all subjects, and fat \
                LTO. Most emissions and jobs are allocated on one thread and freed on another one, which allocators do in different \
                ways. Compare rows with each other, not with those of other chapters.",
        costs: "",
        groups,
        comparisons,
    }
}
