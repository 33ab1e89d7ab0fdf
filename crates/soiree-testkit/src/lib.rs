//! In the making.

mod soak;

pub use crate::soak::{Soak, SoakFailure, SoakFault, SoakOperation, SoakReport, SoakSpec};
