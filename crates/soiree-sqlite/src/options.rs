//! What a store is opened with.

use std::path::PathBuf;
use std::time::Duration;

use crate::sql::Sql;

/// SQLite takes values of up to 1,000,000,000 bytes, and a row with several of them no more.
pub(crate) const MOST_PAYLOAD: usize = 900_000_000;

/// How long the name of a table may become.
const MOST_PREFIX: usize = 64;

pub(crate) struct Options {
    pub(crate) path: PathBuf,
    pub(crate) max_bytes: Option<u64>,
    pub(crate) shared: bool,
    pub(crate) prefix: String,
    pub(crate) sql: Sql,
    pub(crate) busy_timeout: Duration,
    pub(crate) allow_unsafe: bool,
    pub(crate) max_payload: usize,
}

impl Options {
    pub(crate) fn new(path: PathBuf) -> Self {
        let prefix = String::from("soiree");
        Self {
            path,
            max_bytes: None,
            shared: false,
            sql: Sql::new(&prefix),
            prefix,
            busy_timeout: Duration::from_secs(5),
            allow_unsafe: false,
            max_payload: 16 << 20,
        }
    }

    /// What is wrong with the prefix, if it cannot start the name of a table.
    pub(crate) fn prefix_error(&self) -> Option<String> {
        let prefix = &self.prefix;
        let start = prefix.chars().next().unwrap_or('0');
        let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
        let is_valid = !start.is_ascii_digit()
            && prefix.chars().all(is_word)
            && prefix.len() <= MOST_PREFIX
            && !prefix.to_ascii_lowercase().starts_with("sqlite");
        (!is_valid).then(|| {
            format!(
                "the table prefix {prefix:?} is invalid: it takes 1 to {MOST_PREFIX} ASCII letters, digits and \
                 underscores, no digit first, and not \"sqlite\""
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_an_identifier() {
        let mut options = Options::new("a.db".into());
        let mut is_valid = |prefix: &str| {
            options.prefix = prefix.into();
            options.prefix_error().is_none()
        };
        for prefix in ["soiree", "_", "Acme2", &"a".repeat(64)] {
            assert!(is_valid(prefix), "{prefix}");
        }
        for prefix in ["", "2a", "a b", "a;b", "é", "SQLite_x", &"a".repeat(65)] {
            assert!(!is_valid(prefix), "{prefix}");
        }
    }
}
