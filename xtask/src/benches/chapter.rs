//! Chapters of BENCHMARKS.md that are measured alone.

use std::fs;

use crate::result::Result;
use crate::workspace;

/// Puts a chapter into BENCHMARKS.md, whose other chapters stay as they are. It begins with its heading.
pub(super) fn write(chapter: &str) -> Result {
    let path = workspace::root().join("BENCHMARKS.md");
    let report = fs::read_to_string(&path)?;
    fs::write(path, with(&report, chapter))?;
    print!("{chapter}");
    Ok(())
}

/// The report with the chapter in place of the one that it has, or at its end.
fn with(report: &str, chapter: &str) -> String {
    let heading = chapter.lines().next().unwrap_or_default();
    let Some(start) = report.find(&format!("{heading}\n")) else {
        return format!("{}\n\n{chapter}", report.trim_end());
    };
    let end = report[start..]
        .find("\n## ")
        .map_or(report.len(), |at| start + at + 1);
    let gap = if end < report.len() { "\n" } else { "" };
    format!("{}{chapter}{gap}{}", &report[..start], &report[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_replaces_itself_and_nothing_else() {
        let chapter = "## Chapter\n\nnew\n";
        let at_end = with("# Benchmarks\n\n## Memory\n\nx\n", chapter);
        assert_eq!(
            at_end,
            format!("# Benchmarks\n\n## Memory\n\nx\n\n{chapter}")
        );
        assert_eq!(with(&at_end, chapter), at_end);

        let between = "# Benchmarks\n\n## Chapter\n\nold\n\n## Memory\n\nx\n";
        assert_eq!(
            with(between, chapter),
            format!("# Benchmarks\n\n{chapter}\n## Memory\n\nx\n")
        );
    }
}
