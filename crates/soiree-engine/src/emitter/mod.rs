//! The emitter under an `EventPool`: registry, settings and pools put together.

mod close;
mod current;
mod draining;
mod emit;
mod emit_sync;
mod generation;
mod graph;
mod key_order;
mod launch;
mod many_listeners;
mod settings;
mod subscribe;

pub use self::close::CloseError;
pub use self::emit::Emitter;
