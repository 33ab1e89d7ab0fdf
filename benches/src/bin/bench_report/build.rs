//! The ways in which the programs that run cases are built.

use std::path::{Path, PathBuf};

/// How a program that runs cases is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Build {
    /// Fat LTO and one codegen unit.
    FatLto,
    /// As Cargo builds programs that set nothing for `release`: no LTO, and 16 codegen units.
    NoLto,
    /// Fat LTO, and mimalloc as allocator.
    Mimalloc,
}

impl Build {
    /// What tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FatLto => "fat LTO",
            Self::NoLto => "no LTO",
            Self::Mimalloc => "fat LTO, mimalloc",
        }
    }

    /// What the names of its workloads end in.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::FatLto => "",
            Self::NoLto => "-no-lto",
            Self::Mimalloc => "-mimalloc",
        }
    }

    /// The program that runs cases. `report` is this program, next to which or to whose folder Cargo puts all others.
    pub(crate) fn program(self, report: &Path) -> PathBuf {
        match self {
            Self::FatLto => report.with_file_name("subject"),
            Self::NoLto => {
                let folder = report.parent().unwrap_or(report);
                folder.with_file_name("no-lto").join("subject")
            }
            Self::Mimalloc => report.with_file_name("subject-mimalloc"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_where_cargo_builds_them() {
        let program = |build: Build| build.program(Path::new("target/release/bench-report"));
        assert_eq!(program(Build::FatLto), Path::new("target/release/subject"));
        assert_eq!(program(Build::NoLto), Path::new("target/no-lto/subject"));
        assert_eq!(
            program(Build::Mimalloc),
            Path::new("target/release/subject-mimalloc")
        );
    }
}
