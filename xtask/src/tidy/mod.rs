//! Rules of style that neither the compiler nor Clippy knows.

mod manifest;
mod phrases;
mod promises;
mod rules;
mod violation;

use std::collections::BTreeSet;
use std::fs;

use self::violation::Violation;
use crate::result::Result;
use crate::source::Source;
use crate::workspace;

pub(crate) fn run() -> Result {
    let mut broken: Vec<String> = Vec::new();

    let sources = sources()?;
    for source in &sources {
        broken.extend(rules::check(source).iter().map(Violation::to_string));
        broken.extend(phrases::in_source(source).iter().map(Violation::to_string));
    }
    for (path, text) in read(&["*.md"])? {
        broken.extend(
            phrases::in_text(&path, &text)
                .iter()
                .map(Violation::to_string),
        );
    }
    for (path, text) in read(&[":(glob)crates/*/Cargo.toml"])? {
        broken.extend(
            manifest::check(&path, &text)
                .iter()
                .map(Violation::to_string),
        );
    }
    // The unit tests in here speak of rules, not of what the crates promise.
    let tests = sources
        .iter()
        .filter(|source| source.path.starts_with("crates/"));
    for promise in promises::without_test(tests) {
        broken.push(format!("promise {promise}: no test cites it"));
    }

    for line in &broken {
        eprintln!("{line}");
    }
    match broken.len() {
        0 => Ok(()),
        count => Err(format!("tidy: {count} violations").into()),
    }
}

fn sources() -> Result<Vec<Source>> {
    let mut sources: Vec<Source> = read(&["*.rs"])?
        .into_iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    // A file may be a test only because of how another one declares it.
    let declared: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        if declared.contains(&source.path) {
            source.is_test = true;
        }
    }
    Ok(sources)
}

fn read(pathspecs: &[&str]) -> Result<Vec<(String, String)>> {
    let root = workspace::root();
    let mut files = Vec::new();
    for path in workspace::files(pathspecs)? {
        let text =
            fs::read_to_string(root.join(&path)).map_err(|error| format!("{path}: {error}"))?;
        files.push((path, text));
    }
    Ok(files)
}
