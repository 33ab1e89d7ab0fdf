//! The suite itself: a correct pool passes it, and each broken one fails the cases of what it breaks, and no others.

mod caught;
mod decisions;
mod faults;
mod pool;
mod reference;
mod state;

/// P1, P2, P3, P4, P5, P6, P7, P8
mod a_correct_pool_passes {
    use crate::faults::Fault;
    use crate::pool::Reference;

    soiree_testkit::pool_conformance!(Reference, |spec| -> Reference {
        Reference::new(spec, Fault::None)
    });
}
