//! Every growth does the work that it measures, at its smallest size.

use soiree_benches::growths;

/// What is measured apart from the operations.
const APART: [&str; 2] = ["close", "memory"];

#[test]
fn every_growth_has_a_law_for_each_operation_and_does_it() {
    for growth in growths() {
        let mut grown = (growth.prepare)(growth.sizes[0]);
        let laws = growth.laws.iter().map(|(name, _)| *name);
        let laws: Vec<&str> = laws.filter(|name| !APART.contains(name)).collect();
        let operations = grown.operations.iter();
        let operations: Vec<&str> = operations.map(|operation| operation.name).collect();
        assert_eq!(operations, laws, "{}", growth.name);
        for operation in &mut grown.operations {
            (operation.run)(3);
        }
        (grown.close)();
    }
}
