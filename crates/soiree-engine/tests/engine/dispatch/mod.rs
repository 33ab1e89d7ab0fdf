//! Calling the listeners of one event: in which order, which of them, and what their options decide.

mod cached_topic;
mod event;
mod event_wrappers;
mod options;
mod order;
mod panics;
mod payload;
mod recursion;
mod reentrancy;
mod runs;
