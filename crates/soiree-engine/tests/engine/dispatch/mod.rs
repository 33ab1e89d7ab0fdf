//! Calling the listeners of one event: in which order, which of them, and what their options decide.

mod cached_topic;
mod listeners;
mod options;
