//! Whether the tests notice when the code is changed.

use std::fs;

use serde_json::Value;

use crate::result::Result;
use crate::workspace;

/// Code, and the tests that should notice a change of it.
struct Suite {
    name: &'static str,
    /// The files to change; `.cargo/mutants.toml` names those of all suites.
    include: &'static str,
    /// The packages to test, the changed one first.
    packages: &'static [(&'static str, Tests)],
    /// Part of the names of tests to leave out.
    skip: Option<&'static str>,
}

/// Which tests of a package.
#[derive(Clone, Copy, PartialEq)]
enum Tests {
    All,
    /// Those of one file or folder in `tests/`.
    Of(&'static str),
}

const SUITES: [Suite; 4] = [
    Suite {
        name: "core",
        include: "crates/soiree-core/src/registry/**",
        packages: &[("soiree-core", Tests::All)],
        skip: None,
    },
    Suite {
        name: "engine",
        include: "crates/soiree-engine/src/**",
        packages: &[
            ("soiree-engine", Tests::All),
            ("soiree", Tests::Of("promises")),
        ],
        // One stress test takes longer than all others together.
        skip: Some("under_stress"),
    },
    Suite {
        name: "bounded",
        include: "crates/soiree-bounded/src/**",
        packages: &[
            ("soiree-bounded", Tests::All),
            ("soiree-pond", Tests::All),
            ("soiree-rayon", Tests::All),
        ],
        skip: None,
    },
    Suite {
        name: "pool",
        include: "crates/soiree-pool/src/**",
        packages: &[("soiree-pool", Tests::All)],
        skip: None,
    },
];

/// The exit codes of cargo-mutants if all changes were noticed, some of them because tests did not end.
const CAUGHT: [i32; 2] = [0, 3];

/// Runs the suite that the first argument names, or all of them. cargo-mutants gets the other arguments.
pub(crate) fn run(args: &[&str]) -> Result {
    let (suites, args): (Vec<&Suite>, &[&str]) = match args {
        [first, rest @ ..] if !first.starts_with('-') => {
            let named = SUITES.iter().find(|suite| suite.name == *first);
            let suite = named.ok_or_else(|| {
                let names = SUITES.map(|suite| suite.name);
                format!("no suite {first}; the suites are {}", names.join(", "))
            })?;
            (vec![suite], rest)
        }
        _ => (SUITES.iter().collect(), args),
    };
    let metadata = workspace::metadata()?;
    let mut survived = Vec::new();
    for suite in suites {
        if !suite.run(&metadata, args)? {
            survived.push(suite.name);
        }
    }
    match survived.as_slice() {
        [] => Ok(()),
        names => Err(format!("changes survive in {}", names.join(" and ")).into()),
    }
}

impl Suite {
    /// Whether all changes were noticed.
    fn run(&self, metadata: &Value, args: &[&str]) -> Result<bool> {
        let tests = self.tests(metadata)?;
        let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
        // cargo-mutants would first run the tests of the changed package alone.
        workspace::run(&[&["test", "--quiet"], &self.packages("-p")[..], &tests].concat())?;

        let out = workspace::root()
            .join("target")
            .join("mutants")
            .join(self.name);
        fs::create_dir_all(&out)?;
        let out = out.to_string_lossy();
        let fixed = ["mutants", "--baseline=skip", "--timeout=30", "-o", &out];
        let files = self.files();
        let packages = self.packages("--test-package");
        let all = [&fixed, &files[..], &packages, args, &["--"], &tests].concat();
        let code = workspace::status(workspace::cargo(), "cargo", &[], &all)?;
        match code {
            Some(code) if CAUGHT.contains(&code) => Ok(true),
            Some(2) => Ok(false),
            _ => Err("cargo mutants failed; is cargo-mutants installed?".into()),
        }
    }

    fn packages(&self, option: &'static str) -> Vec<&'static str> {
        self.packages
            .iter()
            .flat_map(|(package, _)| [option, *package])
            .collect()
    }

    /// The options that select this suite's files. Some versions of cargo-mutants add `-f` to the configured files instead of
    /// replacing them, so the files of the other suites are excluded as well.
    fn files(&self) -> Vec<&'static str> {
        let others = SUITES.iter().filter(|other| other.name != self.name);
        let mut files = vec!["-f", self.include];
        files.extend(others.flat_map(|other| ["-e", other.include]));
        files
    }

    /// The options that select the tests. Cargo applies them to all packages, so if one package runs only some of its tests, those
    /// of the others are listed by name.
    fn tests(&self, metadata: &Value) -> Result<Vec<String>> {
        let mut options = vec![String::from("--tests")];
        if self.packages.iter().any(|(_, tests)| *tests != Tests::All) {
            options = vec!["--lib".into()];
            for (package, tests) in self.packages {
                let names = match tests {
                    Tests::All => test_targets(metadata, package)?,
                    Tests::Of(name) => vec![String::from(*name)],
                };
                options.extend(names.into_iter().flat_map(|name| ["--test".into(), name]));
            }
        }
        if let Some(skip) = self.skip {
            options.extend(["--", "--skip", skip].map(String::from));
        }
        Ok(options)
    }
}

/// The names of the integration tests of a package, without those that need features.
fn test_targets(metadata: &Value, package: &str) -> Result<Vec<String>> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let found = packages
        .clone()
        .find(|found| found["name"] == package)
        .ok_or_else(|| format!("no package {package}"))?;
    let targets = found["targets"].as_array().into_iter().flatten();
    Ok(targets
        .filter(|target| target["kind"][0] == "test" && target["required-features"].is_null())
        .filter_map(|target| target["name"].as_str().map(String::from))
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn suite(name: &str) -> &'static Suite {
        static ALL: [Suite; 4] = SUITES;
        ALL.iter().find(|suite| suite.name == name).unwrap()
    }

    #[test]
    fn the_configuration_examines_the_files_of_every_suite() {
        let config = include_str!("../../.cargo/mutants.toml");
        let (_, globs) = config.split_once("examine_globs = [").unwrap();
        let (globs, _) = globs.split_once(']').unwrap();
        let globs: Vec<&str> = globs
            .split(',')
            .map(|glob| glob.trim().trim_matches('"'))
            .filter(|glob| !glob.is_empty())
            .collect();
        assert_eq!(globs, SUITES.map(|suite| suite.include));
    }

    #[test]
    fn a_suite_changes_its_own_files_and_not_those_of_others() {
        assert_eq!(
            suite("pool").files(),
            [
                "-f",
                "crates/soiree-pool/src/**",
                "-e",
                "crates/soiree-core/src/registry/**",
                "-e",
                "crates/soiree-engine/src/**",
                "-e",
                "crates/soiree-bounded/src/**",
            ]
        );
    }

    #[test]
    fn tests_are_listed_where_only_some_of_a_package_are_wanted() {
        let metadata = json!({ "packages": [{ "name": "soiree-engine", "targets": [
            { "kind": ["lib"], "name": "soiree_engine" },
            { "kind": ["test"], "name": "emit" },
            { "kind": ["test"], "name": "retry" },
        ]}]});
        let tests = |name| suite(name).tests(&metadata).unwrap().join(" ");
        assert_eq!(tests("core"), "--tests");
        assert_eq!(tests("bounded"), "--tests");
        assert_eq!(
            tests("engine"),
            "--lib --test emit --test retry --test promises -- --skip under_stress"
        );
    }

    #[test]
    fn a_package_that_does_not_exist_is_an_error() {
        let error = test_targets(&json!({ "packages": [] }), "soiree-engine").unwrap_err();
        assert_eq!(error.to_string(), "no package soiree-engine");
    }
}
