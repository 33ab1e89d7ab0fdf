//! Stores for tests do what their tests rely on.

mod faulty;
mod memory;
mod support;
