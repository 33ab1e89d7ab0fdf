//! The packages, unpacked next to each other: each finds the others there, as it will find them on crates.io.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::result::Result;
use crate::workspace;

pub(super) struct Packages {
    root: PathBuf,
}

/// Unpacks the packages of these crates, and makes a workspace of them.
pub(super) fn unpack(names: &[&str], version: &str) -> Result<Packages> {
    let packed = workspace::target()?.join("package");
    let packages = Packages {
        root: packed.join("unpacked"),
    };
    if packages.root.exists() {
        fs::remove_dir_all(&packages.root)?;
    }
    fs::create_dir_all(&packages.root)?;
    for name in names {
        let file = packed.join(format!("{name}-{version}.crate"));
        let mut tar = Command::new("tar");
        // With the time of now: in packages all files are as old, and Cargo would take what it built of the last ones for up to date.
        tar.arg("-xmzf").arg(&file).arg("-C").arg(&packages.root);
        if !tar.status()?.success() {
            return Err(format!("tar did not unpack {}", file.display()).into());
        }
    }
    fs::write(packages.root.join("Cargo.toml"), manifest(names, version))?;
    // The versions that all tests have run with.
    fs::copy(
        workspace::root().join("Cargo.lock"),
        packages.root.join("Cargo.lock"),
    )?;
    Ok(packages)
}

fn manifest(names: &[&str], version: &str) -> String {
    let members: Vec<String> = names
        .iter()
        .map(|name| format!("{:?}", format!("{name}-{version}")))
        .collect();
    let patches = names
        .iter()
        .map(|name| format!("{name} = {{ path = \"{name}-{version}\" }}\n"));
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n{}",
        members.join(", "),
        patches.collect::<String>()
    )
}

impl Packages {
    /// Where a package is unpacked.
    pub(super) fn folder(&self, name: &str, version: &str) -> PathBuf {
        self.root.join(format!("{name}-{version}"))
    }

    /// Runs a Cargo command in the workspace of the packages. What the project's own workspace has built is used again.
    pub(super) fn run(&self, args: &[&str]) -> Result {
        let target = workspace::target()?;
        let (manifest, target) = (text(&self.root.join("Cargo.toml")), text(&target));
        let (command, rest) = args.split_at(1);
        let folders = ["--manifest-path", &manifest, "--target-dir", &target];
        workspace::run(&[command, &folders, rest].concat())
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_find_each_other_and_not_crates_io() {
        assert_eq!(
            manifest(&["a", "b"], "0.1.0"),
            "[workspace]\nresolver = \"3\"\nmembers = [\"a-0.1.0\", \"b-0.1.0\"]\n\n\
             [patch.crates-io]\na = { path = \"a-0.1.0\" }\nb = { path = \"b-0.1.0\" }\n"
        );
    }
}
