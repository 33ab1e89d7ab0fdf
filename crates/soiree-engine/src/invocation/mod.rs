//! One listener's turn in an emission.

mod again;
mod call;
mod step;

pub(crate) use self::again::Again;
pub(crate) use self::call::{Begun, Call};
pub(crate) use self::step::*;
