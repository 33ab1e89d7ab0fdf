//! The settings that apply to emissions.

mod emitter_settings;
mod handlers;

pub use self::emitter_settings::Settings;
pub use self::handlers::{
    DeadLetterHandler, ErrorHandler, Handlers, PanicHandler, UnheardEventHandler,
};
