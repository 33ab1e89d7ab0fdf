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
    /// No LTO, and these features of soiree.
    Features(FeatureSet),
}

/// Features of soiree that a program is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FeatureSet {
    Default,
    Tracing,
    All,
}

impl Build {
    /// What tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FatLto => "fat LTO",
            Self::NoLto => "no LTO",
            Self::Mimalloc => "fat LTO, mimalloc",
            Self::Features(FeatureSet::Default) => "no LTO, default features",
            Self::Features(FeatureSet::Tracing) => "no LTO, feature `tracing`",
            Self::Features(FeatureSet::All) => "no LTO, all features",
        }
    }

    /// What the names of its workloads end in.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::FatLto => "",
            Self::NoLto => "-no-lto",
            Self::Mimalloc => "-mimalloc",
            Self::Features(FeatureSet::Default) => "-default-features",
            Self::Features(FeatureSet::Tracing) => "-tracing",
            Self::Features(FeatureSet::All) => "-all-features",
        }
    }

    /// The program that runs cases. `report` is this program, next to which or to whose folder Cargo puts all others.
    pub(crate) fn program(self, report: &Path) -> PathBuf {
        match self {
            Self::FatLto => report.with_file_name("subject"),
            Self::NoLto => neighbour(report, "no-lto").join("subject"),
            Self::Mimalloc => report.with_file_name("subject-mimalloc"),
            Self::Features(features) => {
                let folder = match features {
                    FeatureSet::Default => "instructions",
                    FeatureSet::Tracing => "features/tracing",
                    FeatureSet::All => "features/all",
                };
                neighbour(report, folder).join("no-lto/subject")
            }
        }
    }
}

/// A folder next to the one that this program is in.
fn neighbour(program: &Path, folder: &str) -> PathBuf {
    let own = program.parent().unwrap_or(program);
    own.with_file_name("").join(folder)
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
        assert_eq!(
            program(Build::Features(FeatureSet::Tracing)),
            Path::new("target/features/tracing/no-lto/subject")
        );
    }
}
