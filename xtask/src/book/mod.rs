//! The book: the guides of the facade as one site.
//!
//! The guides are written for rustdoc, which compiles their examples and resolves their links. The book is made of the same text, and takes
//! the targets of links from what rustdoc made of them.

mod check;
mod guides;
mod links;
mod markdown;
mod pages;

use std::fs;
use std::path::{Path, PathBuf};

use crate::result::Result;
use crate::workspace;

/// The folder of the site that holds the documentation of the crates.
const API: &str = "api";

/// The guides, as modules.
const GUIDES: &str = "crates/soiree/src/guide.rs";

/// Builds the site into `target/book`, and checks its links.
pub(crate) fn run() -> Result {
    workspace::run_with(
        &[("RUSTDOCFLAGS", "-D warnings")],
        &["doc", "--workspace", "--no-deps", "--all-features"],
    )?;
    let target = workspace::target()?;
    let (docs, source, site) = (
        target.join("doc"),
        target.join("book-pages"),
        target.join("book"),
    );

    let guides = read_guides()?;
    let summary = fs::read_to_string(folder().join("SUMMARY.md"))?;
    let pages = pages::in_order(&summary, &guides)?;
    empty(&source.join("src"))?;
    fs::copy(folder().join("book.toml"), source.join("book.toml"))?;
    for file in ["SUMMARY.md", "introduction.md"] {
        fs::copy(folder().join(file), source.join("src").join(file))?;
    }
    for page in &pages {
        let rendered = format!("soiree/guide/{}", page.name);
        let html = fs::read_to_string(docs.join(&rendered).join("index.html"))?;
        let targets = links::targets(&html, &format!("{API}/{rendered}"));
        let text = markdown::page(page.title, page.text, &targets)
            .map_err(|error| format!("the guide {}: {error}", page.name))?;
        fs::write(source.join("src").join(format!("{}.md", page.name)), text)?;
    }

    render(&target, &source, &site)?;
    link_files(&docs, &site.join(API))?;
    let count = check::links(&site)?;
    println!(
        "the book: {}, {count} links lead somewhere",
        site.join("index.html").display()
    );
    Ok(())
}

fn folder() -> PathBuf {
    workspace::root().join("docs")
}

fn read_guides() -> Result<Vec<guides::Guide>> {
    let path = workspace::root().join(GUIDES);
    let folder = path.parent().unwrap_or(&path);
    let included = |file: &str| {
        let text = fs::read_to_string(folder.join(file));
        text.map_err(|error| format!("{GUIDES} includes {file}: {error}").into())
    };
    guides::read(&fs::read_to_string(&path)?, included)
}

/// Renders the pages, by a program outside of the workspace: it alone needs mdBook.
fn render(target: &Path, source: &Path, site: &Path) -> Result {
    let manifest = folder().join("builder/Cargo.toml").display().to_string();
    // A target folder of its own, which is kept: Cargo would build mdBook anew after each change of the workspace's lock file otherwise.
    let built = target.join("book-builder").display().to_string();
    let (source, site) = (source.display().to_string(), site.display().to_string());
    let run = ["run", "--quiet", "--locked", "--manifest-path", &manifest];
    let folders = ["--target-dir", &built, "--", &source, &site];
    workspace::run(&[&run[..], &folders].concat())
}

/// Puts the files of a folder into another one, as links to the same content where that is possible: the documentation is large.
fn link_files(from: &Path, to: &Path) -> Result {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, link) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            link_files(&path, &link)?;
        } else if fs::hard_link(&path, &link).is_err() {
            fs::copy(&path, &link)?;
        }
    }
    Ok(())
}

fn empty(folder: &Path) -> Result {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}
