//! Tests of the suite: a correct pool passes every case, and a faulty one fails exactly the cases about its fault.

mod caught;
mod decisions;
mod failing;
mod faults;
mod line;
mod places;
mod pool;
mod reference;
mod start;
mod state;

/// P1, P2, P3, P4, P5, P6, P7, P8
mod a_correct_pool_passes {
    use crate::faults::Fault;
    use crate::pool::Reference;

    soiree_testkit::pool_conformance!(Reference, |spec| -> Reference {
        Reference::new(spec, Fault::None)
    });
}
