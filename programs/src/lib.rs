//! What several programs of `src/bin` use.

pub mod client;
pub mod output;
pub mod stop;
