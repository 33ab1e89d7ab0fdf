//! The emitter under an `EventPool`: registry, settings and pools put together.

mod address;
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
mod not_admitted;
mod observed;
mod required_places;
mod reserved;
mod settings;
mod subscribe;
mod try_emit;
mod uncached;
mod waiting_emit;

pub use self::address::Address;
pub use self::close::CloseError;
pub use self::emit::Emitter;
pub use self::emit_async::EmitFuture;
pub use self::reserved::{EmitterOwner, ReservedTopics};
