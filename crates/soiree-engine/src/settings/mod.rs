//! What holds for emissions.

mod handlers;

pub use self::handlers::{
    DeadEventHandler, DeadLetterHandler, ErrorHandler, Handlers, PanicHandler,
};
