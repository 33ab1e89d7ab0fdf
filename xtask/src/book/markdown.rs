//! From the Markdown of rustdoc to that of mdBook.

use super::links::Targets;
use crate::result::Result;

/// How a link to an item of the crate begins.
const INTRA_DOC: &str = "](crate::";
/// Rustdoc takes it for Rust. Nothing else does, and colors it.
const WITHOUT_LANGUAGE: &str = "a block of code without a language, such as ```rust";

/// The page of a guide: with a title, headings one level below it, and links that lead somewhere in the site.
pub(super) fn page(title: &str, text: &str, targets: &Targets) -> Result<String> {
    let mut page = format!("# {title}\n\n");
    let mut in_code = false;
    for line in text.lines() {
        match (line.strip_prefix("```"), in_code) {
            (Some(""), false) => return Err(WITHOUT_LANGUAGE.into()),
            (Some(_), false) => {
                page += line;
                in_code = true;
            }
            (Some(_), true) => {
                page += line;
                in_code = false;
            }
            (None, true) => page += line,
            (None, false) => {
                if line.starts_with('#') {
                    page.push('#');
                }
                page += &with_links(line, targets)?;
            }
        }
        page.push('\n');
    }
    Ok(page)
}

fn with_links(line: &str, targets: &Targets) -> Result<String> {
    let mut converted = String::new();
    let mut rest = line;
    while let Some((before, link)) = rest.split_once(INTRA_DOC) {
        let (path, after) = link.split_once(')').ok_or("a link without an end")?;
        converted += &format!("{before}]({})", address(path, targets)?);
        rest = after;
    }
    Ok(converted + rest)
}

/// Where the link to `crate::path` leads: to a chapter, or to the documentation of an item.
fn address(path: &str, targets: &Targets) -> Result<String> {
    if let Some(guide) = path.strip_prefix("guide::") {
        return Ok(format!("{guide}.md"));
    }
    let full = format!("soiree::{path}");
    if let Some(target) = targets.get(&full) {
        return Ok(target.clone());
    }
    // Rustdoc names the place where an item is defined, which is another one for what comes from a crate below.
    let last = path.rsplit("::").next().unwrap_or(path);
    let mut ends = targets
        .iter()
        .filter(|(found, _)| found.rsplit("::").next() == Some(last));
    match (ends.next(), ends.next()) {
        (Some((_, target)), None) => Ok(target.clone()),
        _ => Err(format!("rustdoc has no link to crate::{path}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> Targets {
        let target = |path: &str, href: &str| (path.to_string(), href.to_string());
        Targets::from([
            target("soiree::Inbox", "api/soiree/struct.Inbox.html"),
            target("prometheus_client", "https://docs.rs/x"),
        ])
    }

    #[test]
    fn headings_and_links_are_converted_and_code_is_not() {
        let text = "About.\n\n# One\nSee [`Inbox`](crate::Inbox), [x](crate::metrics::prometheus_client) and [topics](crate::guide::topics).\n\
                    ```rust\n# use hidden;\n```\n```text\n# as it is\n```\n## Two";
        let page = page("Title", text, &targets()).unwrap();
        assert_eq!(
            page,
            "# Title\n\nAbout.\n\n## One\nSee [`Inbox`](api/soiree/struct.Inbox.html), [x](https://docs.rs/x) and [topics](topics.md).\n\
             ```rust\n# use hidden;\n```\n```text\n# as it is\n```\n### Two\n"
        );
    }

    #[test]
    fn a_block_of_code_names_its_language() {
        let error = page("Title", "```\nlet x = 1;\n```", &targets()).unwrap_err();
        assert_eq!(error.to_string(), WITHOUT_LANGUAGE);
    }

    #[test]
    fn a_link_that_rustdoc_does_not_have_is_an_error() {
        let error = page("Title", "[`Gone`](crate::Gone)", &targets()).unwrap_err();
        assert_eq!(error.to_string(), "rustdoc has no link to crate::Gone");
    }
}
