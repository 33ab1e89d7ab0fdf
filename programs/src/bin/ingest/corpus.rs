//! Webhooks to post.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

const SAMPLE: &str = include_str!("sample.jsonl");
/// Real ones, where they are.
const REAL: &str = "../shared/data/github-webhooks.jsonl";

#[derive(Deserialize)]
struct Line<'a> {
    topic: &'a str,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// A webhook as GitHub sends it.
pub(crate) struct Webhook {
    pub(crate) event: String,
    pub(crate) body: String,
}

/// The webhooks of a file, or else the real ones, or else a sample. And where they are from.
pub(crate) fn read(file: Option<&Path>) -> Result<(Vec<Webhook>, String), Box<dyn Error>> {
    let real = PathBuf::from(REAL);
    let path = match file {
        Some(path) => path,
        None if real.exists() => &real,
        None => return Ok((parse(SAMPLE)?, "a sample".into())),
    };
    let name = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| format!("--webhooks {name}: {error}"))?;
    let webhooks = parse(&text).map_err(|error| format!("--webhooks {name}: {error}"))?;
    if webhooks.is_empty() {
        return Err(format!("--webhooks {name}: it has no lines").into());
    }
    Ok((webhooks, name))
}

fn parse(text: &str) -> Result<Vec<Webhook>, String> {
    let lines = text.lines().enumerate();
    let parsed = lines.map(|(index, line)| {
        let line: Line<'_> =
            serde_json::from_str(line).map_err(|error| format!("line {}: {error}", index + 1))?;
        // `github.<event>[.<action>]`; the action is in the body.
        let event = line.topic.split('.').nth(1).unwrap_or(line.topic);
        Ok(Webhook {
            event: event.into(),
            body: line.payload.get().into(),
        })
    });
    parsed.collect()
}
