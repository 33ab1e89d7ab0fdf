//! Which topics go to which pool.

mod bulkheads;
mod pattern_rules;

pub use self::bulkheads::Bulkheads;
pub(crate) use self::pattern_rules::PatternRules;
