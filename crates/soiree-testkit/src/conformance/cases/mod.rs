//! The cases, by what they are about. Each is a function of its own, with the name of its test.

pub(super) mod accounting;
pub(super) mod bounds;
pub(super) mod deadlines;
pub(super) mod ending;
pub(super) mod keeping;
pub(super) mod methods;
pub(super) mod nesting;
pub(super) mod owed;
pub(super) mod resizing;
pub(super) mod resting;
pub(super) mod spawning;
