//! The emitter under an `EventPool`: registry, settings and pools put together.

mod close;
mod current;
mod draining;
mod emit;
mod emit_async;
mod emit_sync;
mod generation;
mod graph;
mod key_order;
mod launch;
mod listener_order;
mod many_listeners;
mod required_places;
mod settings;
mod subscribe;
mod try_emit;
mod waiting_emit;

pub use self::close::CloseError;
pub use self::emit::Emitter;
