//! Which guide is which chapter.

use super::guides::Guide;
use crate::result::Result;

/// A chapter.
#[derive(Debug, PartialEq)]
pub(super) struct Page<'a> {
    pub(super) name: &'a str,
    pub(super) title: &'a str,
    pub(super) text: &'a str,
}

/// The chapters, in the order of the table of contents. The introduction is none: no guide is behind it.
///
/// # Errors
/// If a chapter is no guide, or a guide no chapter.
pub(super) fn in_order<'a>(summary: &'a str, guides: &'a [Guide]) -> Result<Vec<Page<'a>>> {
    let mut pages: Vec<Page<'a>> = Vec::new();
    for (title, name) in summary.lines().filter_map(chapter) {
        let found = guides.iter().find(|guide| guide.name == name);
        let guide = found.ok_or_else(|| format!("docs/SUMMARY.md: there is no guide {name}"))?;
        pages.push(Page {
            name,
            title,
            text: &guide.text,
        });
    }
    for guide in guides {
        if !pages.iter().any(|page| page.name == guide.name) {
            return Err(format!("docs/SUMMARY.md has no chapter {}.md", guide.name).into());
        }
    }
    Ok(pages)
}

/// The title and the name of `- [Title](name.md)`.
fn chapter(line: &str) -> Option<(&str, &str)> {
    let (title, file) = line.trim_start().strip_prefix("- [")?.split_once("](")?;
    Some((title, file.strip_suffix(".md)")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guide(name: &str) -> Guide {
        Guide {
            name: name.into(),
            text: format!("Text of {name}.\n"),
        }
    }

    #[test]
    fn every_guide_is_a_chapter_and_every_chapter_a_guide() {
        let summary =
            "# Summary\n\n[Soiree](introduction.md)\n\n# Part\n\n- [B or not](b.md)\n- [A](a.md)\n";
        let guides = [guide("a"), guide("b")];
        let pages = in_order(summary, &guides).unwrap();
        let named: Vec<(&str, &str)> = pages.iter().map(|page| (page.title, page.name)).collect();
        assert_eq!(named, [("B or not", "b"), ("A", "a")]);

        let more = [guide("a"), guide("b"), guide("c")];
        let missing = in_order(summary, &more).unwrap_err().to_string();
        assert_eq!(missing, "docs/SUMMARY.md has no chapter c.md");
        let unknown = in_order(summary, &guides[..1]).unwrap_err().to_string();
        assert_eq!(unknown, "docs/SUMMARY.md: there is no guide b");
    }
}
