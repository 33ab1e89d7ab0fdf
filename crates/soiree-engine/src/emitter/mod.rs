//! The emitter under an `EventPool`: registry, settings and pools put together.

mod close;
mod current;
mod emit;
mod generation;
mod graph;
mod key_order;
mod launch;
mod settings;
mod sync;

pub use self::close::CloseError;
pub use self::emit::Emitter;
