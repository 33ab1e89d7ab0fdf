//! Listeners that fail are called again, and events whose attempts are used up become dead letters.

mod attempts;
mod delivery;
