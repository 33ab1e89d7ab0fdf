//! Rules of style that neither the compiler nor Clippy knows.

mod manifest;
mod phrases;
mod rules;
mod violation;

use self::violation::Violation;
use crate::result::Result;
use crate::{promises, source, workspace};

/// The page that says what users can rely on.
const PROMISES: &str = "crates/soiree/docs/promises.md";

pub(crate) fn run() -> Result {
    let mut broken: Vec<String> = Vec::new();

    let sources = source::all()?;
    for source in &sources {
        broken.extend(rules::check(source).iter().map(Violation::to_string));
        broken.extend(phrases::in_source(source).iter().map(Violation::to_string));
    }
    for (path, text) in workspace::texts(&["*.md"])? {
        broken.extend(
            phrases::in_text(&path, &text)
                .iter()
                .map(Violation::to_string),
        );
    }
    for (path, text) in workspace::texts(&[":(glob)crates/*/Cargo.toml"])? {
        broken.extend(
            manifest::check(&path, &text)
                .iter()
                .map(Violation::to_string),
        );
    }
    for promise in promises::without_test(&sources) {
        broken.push(format!("promise {promise}: no test cites it"));
    }
    for (path, page) in workspace::texts(&[PROMISES])? {
        for promise in promises::without_row(&page) {
            broken.push(format!("promise {promise}: {path} has no row for it"));
        }
    }

    for line in &broken {
        eprintln!("{line}");
    }
    match broken.len() {
        0 => Ok(()),
        count => Err(format!("tidy: {count} violations").into()),
    }
}
