//! Random calls of a store.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};

use soiree_core::store::ParkedState;

/// The position that was given last, for 0, or one before it; the start of the log if there was none.
pub(super) type Nth = usize;

/// A call, in numbers: listeners are 0, 1 and 2.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    /// IDs, and whether the content is another than usual.
    Append(Vec<(u32, bool)>),
    Claim {
        listener: usize,
        oldest: bool,
    },
    Release {
        listener: usize,
    },
    Mark(Mark),
    Redrive {
        listener: usize,
        at: Vec<Nth>,
    },
    Discard {
        listener: usize,
        at: Vec<Nth>,
    },
    Sweep {
        up_to: Nth,
        before: i64,
        limit: usize,
    },
    Remove {
        listener: usize,
    },
    Rename {
        old: usize,
        new: usize,
    },
    Restart,
}

#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) listener: usize,
    /// With the term before the last. Otherwise with the last one, or with a new claim if it is not held.
    pub(super) late: bool,
    pub(super) append: Option<(u32, bool)>,
    pub(super) floor: Option<Nth>,
    pub(super) begun: Option<Nth>,
    pub(super) ended: Vec<Nth>,
    pub(super) parked: Vec<(Nth, ParkedState)>,
    pub(super) clean: Option<bool>,
}

const IDS: u32 = 8;
const POSITIONS: usize = 6;

/// Mostly the first, for more happens to a listener then.
fn listener() -> impl Strategy<Value = usize> {
    prop_oneof![6 => Just(0_usize), 3 => Just(1), 1 => Just(2)]
}

fn appended() -> impl Strategy<Value = (u32, bool)> {
    (1..=IDS, prop_oneof![9 => Just(false), 1 => Just(true)])
}

fn state() -> impl Strategy<Value = ParkedState> {
    // Half of them dead, for there is more to be done with those.
    prop_oneof![
        Just(ParkedState::Dead),
        (0..ParkedState::ALL.len()).prop_map(|index| ParkedState::ALL[index]),
    ]
}

fn mark() -> impl Strategy<Value = Mark> {
    let late = prop_oneof![9 => Just(false), 1 => Just(true)];
    let position = || 0..POSITIONS;
    (
        (listener(), late, option::weighted(0.3, appended())),
        option::weighted(0.4, position()),
        option::weighted(0.4, position()),
        vec(position(), 0..4),
        vec((position(), state()), 0..3),
        option::weighted(0.3, any::<bool>()),
    )
        .prop_map(
            |((listener, late, append), floor, begun, ended, parked, clean)| Mark {
                listener,
                late,
                append,
                floor,
                begun,
                ended,
                parked,
                clean,
            },
        )
}

/// Sequences of calls. Those with `restarts` end the process now and then.
pub(super) fn sequences(restarts: bool) -> impl Strategy<Value = Vec<Operation>> {
    vec(operation(restarts), 1..40)
}

fn operation(restarts: bool) -> BoxedStrategy<Operation> {
    let at = || vec(0..POSITIONS, 1..4);
    let calls = prop_oneof![
        4 => vec(appended(), 1..4).prop_map(Operation::Append),
        4 => (listener(), any::<bool>())
            .prop_map(|(listener, oldest)| Operation::Claim { listener, oldest }),
        1 => listener().prop_map(|listener| Operation::Release { listener }),
        8 => mark().prop_map(Operation::Mark),
        2 => (listener(), at()).prop_map(|(listener, at)| Operation::Redrive { listener, at }),
        2 => (listener(), at()).prop_map(|(listener, at)| Operation::Discard { listener, at }),
        2 => (0..POSITIONS, 0..=i64::from(IDS), 0..4_usize).prop_map(|(up_to, before, limit)| {
            Operation::Sweep { up_to, before, limit }
        }),
        1 => listener().prop_map(|listener| Operation::Remove { listener }),
        1 => (listener(), listener()).prop_map(|(old, new)| Operation::Rename { old, new }),
    ];
    match restarts {
        false => calls.boxed(),
        true => prop_oneof![10 => calls, 1 => Just(Operation::Restart)].boxed(),
    }
}
