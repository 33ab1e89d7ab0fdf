//! Reads lines, and makes an event of each.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use serde_json::{Map, Value as Json};
use soiree::{BaseEvent, InvalidTopic, Properties, Value};

const SAMPLE: &str = include_str!("sample.jsonl");

pub(crate) enum Source {
    Sample,
    Stdin,
    File(PathBuf),
}

/// Why a line is not an event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("not JSON: {what} at column {column}")]
    NotJson { what: String, column: usize },
    #[error("not a JSON object")]
    NotAnObject,
    #[error("no topic")]
    NoTopic,
    #[error("the topic is not a string")]
    TopicNotText,
    #[error("the properties are not an object")]
    PropertiesNotAnObject,
    #[error("property {name:?} is {found}, not a boolean, a 64-bit number or a string")]
    Property { name: String, found: &'static str },
    #[error(transparent)]
    InvalidTopic(#[from] InvalidTopic),
}

impl Source {
    pub(crate) fn named(name: OsString) -> Self {
        if name == "-" {
            Self::Stdin
        } else {
            Self::File(name.into())
        }
    }

    pub(crate) fn open(&self) -> io::Result<Box<dyn BufRead>> {
        Ok(match self {
            Self::Sample => Box::new(SAMPLE.as_bytes()),
            Self::Stdin => Box::new(io::stdin().lock()),
            Self::File(path) => Box::new(BufReader::new(File::open(path)?)),
        })
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sample => "the sample".into(),
            Self::Stdin => "standard input".into(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// Parses an event. `emit` checks its topic.
pub(crate) fn parse(line: &[u8]) -> Result<BaseEvent, LineError> {
    let Json::Object(mut fields) = serde_json::from_slice(line)? else {
        return Err(LineError::NotAnObject);
    };
    let topic = match fields.remove("topic") {
        Some(Json::String(topic)) => topic,
        Some(_) => return Err(LineError::TopicNotText),
        None => return Err(LineError::NoTopic),
    };
    let properties = match fields.remove("properties") {
        Some(Json::Object(fields)) => properties(fields)?,
        Some(Json::Null) | None => Properties::new(),
        Some(_) => return Err(LineError::PropertiesNotAnObject),
    };
    let payload = fields.remove("payload").unwrap_or_default();
    Ok(BaseEvent::new(topic, payload).with_properties(properties))
}

fn properties(fields: Map<String, Json>) -> Result<Properties, LineError> {
    fields
        .into_iter()
        .map(|(name, json)| match value(json) {
            Ok(value) => Ok((name, value)),
            Err(found) => Err(LineError::Property { name, found }),
        })
        .collect()
}

fn value(json: Json) -> Result<Value, &'static str> {
    match json {
        Json::Bool(value) => Ok(value.into()),
        Json::String(value) => Ok(value.into()),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(whole.into()),
            // As `f64`, a whole number beyond `i64` would be another number.
            (None, Some(float)) if number.is_f64() => Ok(float.into()),
            _ => Err("a number out of range"),
        },
        Json::Null => Err("null"),
        Json::Array(_) => Err("an array"),
        Json::Object(_) => Err("an object"),
    }
}

impl From<serde_json::Error> for LineError {
    fn from(error: serde_json::Error) -> Self {
        // The text of the error says "line 1", which is not the line of the file.
        let text = error.to_string();
        let what = text
            .rsplit_once(" at line ")
            .map_or(&*text, |(what, _)| what)
            .into();
        Self::NotJson {
            what,
            column: error.column(),
        }
    }
}
