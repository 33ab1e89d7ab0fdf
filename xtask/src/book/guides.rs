//! The guides as rustdoc sees them: what the attributes of each module put together.

use crate::result::Result;

/// A guide, which is a module without items.
#[derive(Debug, PartialEq)]
pub(super) struct Guide {
    pub(super) name: String,
    /// What rustdoc takes for the text of the module.
    pub(super) text: String,
}

/// Reads the modules of a source file. `included` returns the text of a file that an attribute includes.
pub(super) fn read(source: &str, included: impl Fn(&str) -> Result<String>) -> Result<Vec<Guide>> {
    let mut guides = Vec::new();
    let mut text = String::new();
    let mut is_test = false;
    for line in source.lines() {
        if let Some(name) = module(line) {
            let text = std::mem::take(&mut text);
            if !std::mem::take(&mut is_test) {
                guides.push(Guide {
                    name: name.into(),
                    text,
                });
            }
        } else if let Some(file) = between(line, "#[doc = include_str!(\"", "\")]") {
            push(&mut text, &included(file)?);
        } else if let Some(doc) = line.strip_prefix("///") {
            push(&mut text, doc.strip_prefix(' ').unwrap_or(doc));
        } else if let Some(feature) = line.strip_prefix("#[cfg_attr(feature = ") {
            // All features are on, as where the documentation is built.
            if let Some((_, doc)) = feature.split_once("doc = \"") {
                push(&mut text, doc.trim_end_matches("\")]"));
            }
        } else if line.starts_with("#[cfg(") && line.contains("doctest") {
            is_test = true;
        }
    }
    Ok(guides)
}

fn module(line: &str) -> Option<&str> {
    between(line, "pub mod ", " {}")
}

fn between<'a>(line: &'a str, start: &str, end: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix(end)
}

fn push(text: &mut String, more: &str) {
    text.push_str(more);
    if !text.ends_with('\n') || more.is_empty() {
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guide_is_what_its_attributes_put_together() {
        let source = "\
//! Guides.

#[cfg(feature = \"pool\")]
#[cfg_attr(docsrs, doc(cfg(feature = \"pool\")))]
#[doc = include_str!(\"../docs/one.md\")]
pub mod one {}

// A comment.
/// Before:
///
#[cfg_attr(feature = \"testkit\", doc = \"```\")]
#[cfg_attr(not(feature = \"testkit\"), doc = \"```ignore\")]
/// # fn main() {}
/// ```
#[doc = include_str!(\"two.md\")]
pub mod two {}

#[cfg(all(doctest, feature = \"pool\"))]
#[doc = include_str!(\"../README.md\")]
pub mod readme {}
";
        let guides = read(source, |file| Ok(format!("text of {file}\n"))).unwrap();
        let guide = |name: &str, text: &str| Guide {
            name: name.into(),
            text: text.into(),
        };
        assert_eq!(
            guides,
            [
                guide("one", "text of ../docs/one.md\n"),
                guide(
                    "two",
                    "Before:\n\n```\n# fn main() {}\n```\ntext of two.md\n"
                ),
            ]
        );
    }
}
