//! Which crate may depend on which, and which module may import from which: arrows point down only.

mod circles;
mod crates;
mod imports;
mod layers;
mod modules;
mod programs;
mod rules;
mod targets;
mod tokens;

use std::fs;

use self::modules::Modules;
use self::targets::Target;
use crate::result::Result;
use crate::workspace;

/// Checks all arrows.
pub(crate) fn run() -> Result {
    let metadata = workspace::metadata()?;
    let mut rejected = crates::check(&metadata);
    let targets = targets::all(&metadata);
    for Target { name, root } in &targets {
        match Modules::read(root, &text) {
            Ok(modules) => rejected.extend(rules::check(name, layers::of(name), &modules)),
            Err(error) => rejected.push(error),
        }
    }
    for name in layers::crates() {
        if !targets.iter().any(|target| target.name == name) {
            rejected.push(format!(
                "{name}: has layers in xtask/src/arrows/layers.rs, but there is no such crate"
            ));
        }
    }
    for line in &rejected {
        eprintln!("{line}");
    }
    match rejected.len() {
        0 => Ok(()),
        count => Err(format!("arrows: {count} rejected").into()),
    }
}

/// Prints every import between modules, of all crates or of those named.
pub(crate) fn list(names: &[&str]) -> Result {
    let targets = targets::all(&workspace::metadata()?);
    for name in names {
        if !targets.iter().any(|target| target.name == *name) {
            let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
            return Err(format!("no crate {name}; there are {}", known.join(", ")).into());
        }
    }
    for Target { name, root } in &targets {
        if names.is_empty() || names.contains(&name.as_str()) {
            for arrow in Modules::read(root, &text)?.arrows() {
                println!("{}", rules::shown(&arrow));
            }
        }
    }
    Ok(())
}

fn text(path: &str) -> Option<String> {
    fs::read_to_string(workspace::root().join(path)).ok()
}
