//! Cases as criterion measures them.

use std::time::Duration;

use criterion::Criterion;
use soiree_benches::cases;

/// Measures the cases whose workload begins with one of these, each as `workload/subject`.
pub(crate) fn run(workloads: &[&str]) {
    let mut criterion = Criterion::default().configure_from_args();
    for case in cases() {
        if !workloads
            .iter()
            .any(|prefix| case.workload.starts_with(prefix))
        {
            continue;
        }
        let mut group = criterion.benchmark_group(&case.workload);
        group
            .sample_size(20)
            .measurement_time(Duration::from_secs(2));
        // Prepared when it is its turn, and not at all if the command line leaves it out.
        let mut bench = None;
        group.bench_function(case.subject, |bencher| {
            let bench = bench.get_or_insert_with(|| case.prepare());
            bencher.iter_custom(|ops| bench.run(ops).wall);
        });
        group.finish();
    }
    criterion.final_summary();
}
