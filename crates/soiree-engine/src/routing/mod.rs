//! Which topics go to which pool.

mod bulkheads;
mod specificity;

pub use self::bulkheads::Bulkheads;
pub(crate) use self::specificity::{Specificity, overlap, specificity};
