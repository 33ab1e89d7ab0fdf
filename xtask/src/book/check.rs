//! Whether the links of the site lead to files and anchors that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::result::Result;

/// Checks every link of the pages in a folder that stays in the site. Returns how many there are.
///
/// What leads to other sites is not followed: a check must not fail because somebody else's server is down.
///
/// # Errors
/// All links that lead nowhere.
pub(super) fn links(site: &Path) -> Result<usize> {
    let mut anchors = Anchors::default();
    let (mut checked, mut broken) = (BTreeSet::new(), Vec::new());
    for entry in fs::read_dir(site)? {
        let page = entry?.path();
        if page.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        let name = page
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let html = fs::read_to_string(&page)?;
        for link in ["href", "src"].iter().flat_map(|name| values(&html, name)) {
            if is_local(&link) && checked.insert((name.clone(), link.clone())) {
                if let Err(why) = anchors.find(site, &page, &link) {
                    broken.push(format!("{name}: {link}: {why}"));
                }
            }
        }
    }
    match broken.is_empty() {
        true => Ok(checked.len()),
        false => Err(format!(
            "links of the book that lead nowhere:\n{}",
            broken.join("\n")
        )
        .into()),
    }
}

fn is_local(link: &str) -> bool {
    !link.contains("://")
        && !link.starts_with("//")
        && !link.starts_with("data:")
        && !link.starts_with("mailto:")
}

/// The anchors of each file that a link has led to.
#[derive(Default)]
struct Anchors(BTreeMap<PathBuf, BTreeSet<String>>);

impl Anchors {
    fn find(&mut self, site: &Path, page: &Path, link: &str) -> Result {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let path = path.split('?').next().unwrap_or_default();
        let mut file = match path {
            "" => page.to_path_buf(),
            path => match path.strip_prefix('/') {
                Some(from_root) => site.join(from_root),
                None => page.parent().unwrap_or(site).join(path),
            },
        };
        if file.is_dir() {
            file.push("index.html");
        }
        if !file.is_file() {
            return Err("there is no such file".into());
        }
        if anchor.is_empty() {
            return Ok(());
        }
        if !self.0.contains_key(&file) {
            let html = fs::read_to_string(&file)?;
            self.0.insert(file.clone(), values(&html, "id").collect());
        }
        match self.0[&file].contains(&decoded(anchor)) {
            true => Ok(()),
            false => Err("there is no such anchor".into()),
        }
    }
}

/// The values of an attribute, wherever it is in a page.
fn values(html: &str, name: &str) -> impl Iterator<Item = String> {
    let start = format!(" {name}=\"");
    let values: Vec<String> = html
        .match_indices(&start)
        .filter_map(|(at, _)| html[at + start.len()..].split('"').next())
        .map(unescape)
        .collect();
    values.into_iter()
}

/// A value of an attribute without the escapes of HTML.
pub(super) fn unescape(value: &str) -> String {
    let value = value.replace("&lt;", "<").replace("&gt;", ">");
    value.replace("&quot;", "\"").replace("&amp;", "&")
}

/// An anchor without the escapes of addresses.
fn decoded(anchor: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = anchor.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A site with the page `a.html`, and `api/b.html` with an anchor.
    fn site(name: &str, page: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("soiree-book-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("api")).unwrap();
        fs::write(folder.join("a.html"), page).unwrap();
        fs::write(folder.join("api/b.html"), "<h1 id=\"impl-A<B>\">x</h1>").unwrap();
        folder
    }

    #[test]
    fn links_to_files_and_anchors_that_are_there_are_counted() {
        let page = "<p id=\"here\"><a href=\"#here\">1</a> <a href=\"api/b.html#impl-A%3CB%3E\">2</a> <img src=\"api/b.html?x=1\">\
                    <a href=\"https://example.com/gone\">elsewhere</a> <a href=\"#here\">again</a>";
        let folder = site("whole", page);
        assert_eq!(links(&folder).unwrap(), 3);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn every_link_that_leads_nowhere_is_named() {
        let page = "<a href=\"c.html\">1</a> <a href=\"api/b.html#gone\">2</a> <a href=\"#gone\">3</a> <a href=\"crate::Inbox\">4</a>";
        let folder = site("broken", page);
        let error = links(&folder).unwrap_err().to_string();
        fs::remove_dir_all(folder).unwrap();
        let lines: Vec<&str> = error.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "a.html: c.html: there is no such file",
                "a.html: api/b.html#gone: there is no such anchor",
                "a.html: #gone: there is no such anchor",
                "a.html: crate::Inbox: there is no such file",
            ]
        );
    }
}
