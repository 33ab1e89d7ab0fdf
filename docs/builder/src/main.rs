//! Renders a folder with a `book.toml` into another folder. `cargo xtask book` calls this with pages that it has put together.

use std::error::Error;
use std::path::PathBuf;

use mdbook_driver::MDBook;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(source), Some(site), None) = (args.next(), args.next(), args.next()) else {
        return Err("usage: soiree-book <folder with book.toml> <folder of the site>".into());
    };
    let mut book = MDBook::load(source)?;
    book.config.build.build_dir = site;
    book.build()?;
    Ok(())
}
