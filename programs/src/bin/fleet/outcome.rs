//! Results of what may fail in many ways.

use std::error::Error;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;
