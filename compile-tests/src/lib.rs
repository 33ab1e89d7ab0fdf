//! Holds the tests below `tests`.
