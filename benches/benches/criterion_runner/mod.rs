//! Runs cases under criterion.

use std::time::Duration;

use criterion::Criterion;
use soiree_benches::cases;

/// Measures the cases whose workload starts with one of these prefixes, each as `workload/subject`.
pub(crate) fn run(prefixes: &[&str]) {
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases() {
        if !prefixes
            .iter()
            .any(|prefix| case.workload.starts_with(prefix))
        {
            continue;
        }
        let mut group = criterion.benchmark_group(&case.workload);
        group
            .sample_size(20)
            .measurement_time(Duration::from_secs(2));
        // Criterion calls the closure only for cases that the command line selects: the others are never prepared.
        let mut bench = None;
        group.bench_function(case.subject, |bencher| {
            let bench = bench.get_or_insert_with(|| case.prepare());
            bencher.iter_custom(|ops| bench.run(ops).wall);
        });
        group.finish();
    }
    criterion.final_summary();
}
