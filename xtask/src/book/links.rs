//! Where the links of a guide lead, as rustdoc has resolved them.

use std::collections::BTreeMap;

use super::check::unescape;

/// The paths of items, such as `soiree::EventPool::on`, with their addresses in the site.
pub(super) type Targets = BTreeMap<String, String>;

/// Reads the targets from a page that rustdoc has rendered. `folder` is the folder of the page in the site.
///
/// Rustdoc writes what a link leads to into its title: `<a href="../../struct.Inbox.html" title="struct soiree::Inbox">`.
pub(super) fn targets(html: &str, folder: &str) -> Targets {
    let mut targets = Targets::new();
    for tag in html.split("<a ").skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        let (Some(href), Some(title)) = (attribute(tag, "href"), attribute(tag, "title")) else {
            continue;
        };
        // A title of one word, or of several, is that of a heading.
        if let Some((_, path)) = title.split_once(' ') {
            if !href.starts_with('#') && !path.contains(' ') {
                targets.insert(path.into(), joined(folder, &unescape(href)));
            }
        }
    }
    targets
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0)
}

/// The address of a link, from the root of the site.
fn joined(folder: &str, href: &str) -> String {
    if href.contains("://") {
        return href.into();
    }
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in href.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_read_from_the_pages_of_rustdoc() {
        let html = "<a href=\"#retry\" title=\"Retry now\">x</a> <a class=\"a\" href=\"../../struct.Inbox.html#method.recv\" \
                    title=\"method soiree::Inbox::recv\">recv</a><a href=\"https://docs.rs/x/1/x/index.html\" title=\"mod x\">x</a>\
                    <a href=\"../topics/index.html\">no title</a>";
        let targets = targets(html, "api/soiree/guide/topics");
        let targets: Vec<(&str, &str)> = targets
            .iter()
            .map(|(path, href)| (path.as_str(), href.as_str()))
            .collect();
        assert_eq!(
            targets,
            [
                (
                    "soiree::Inbox::recv",
                    "api/soiree/struct.Inbox.html#method.recv"
                ),
                ("x", "https://docs.rs/x/1/x/index.html"),
            ]
        );
    }
}
