//! The result of everything that can fail. An error ends the program, which prints it.

use std::error::Error;

pub(crate) type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;
