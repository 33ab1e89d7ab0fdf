//! Whether the tests notice when the code is changed.

mod sample;

use std::fs;

use serde_json::Value;

use crate::result::Result;
use crate::workspace;

use sample::Sample;

/// Code, and the tests that should notice a change of it.
struct Suite {
    name: &'static str,
    /// The packages to test; the first is the one to change, in the files that `.cargo/mutants.toml` names.
    packages: &'static [(&'static str, Tests)],
    /// What these tests need.
    features: &'static [&'static str],
    /// Parts of the names of tests to leave out.
    skip: &'static [&'static str],
}

/// Which tests of a package.
#[derive(Clone, Copy, PartialEq)]
enum Tests {
    All,
    /// Those of these files and folders in `tests/`.
    Of(&'static [&'static str]),
}

const SUITES: [Suite; 6] = [
    Suite {
        name: "core",
        packages: &[("soiree-core", Tests::All)],
        features: &[],
        skip: &[],
    },
    Suite {
        name: "engine",
        packages: &[
            ("soiree-engine", Tests::All),
            (
                "soiree",
                Tests::Of(&["promises", "graphviz", "async_callers"]),
            ),
        ],
        features: &[
            "soiree/outbox",
            "soiree/pond",
            "soiree/rayon",
            "soiree/tokio",
        ],
        // Tests that repeat something very often take longer than all others together. What only they notice deserves a test of its own.
        skip: &[
            "under_stress",
            "does_not_nest",
            "again_and_again_comes_back_unchanged",
            "a_rejected_emit_does_not_keep_listeners_after_a_missed_deadline",
            "close_waits_for_every_started_emission_and_rejects_every_other",
            "close_with_deadline_counts_emissions_and_nothing_else",
            "every_emission_is_finished_when_a_close_returns",
            "listeners_are_dropped_when_close_returns",
        ],
    },
    Suite {
        name: "bounded",
        packages: &[
            ("soiree-bounded", Tests::All),
            ("soiree-pond", Tests::All),
            ("soiree-rayon", Tests::All),
        ],
        features: &[],
        skip: &[],
    },
    Suite {
        name: "pool",
        packages: &[("soiree-pool", Tests::All)],
        features: &[],
        skip: &[],
    },
    Suite {
        name: "outbox",
        packages: &[("soiree-outbox", Tests::All)],
        features: &[],
        // It retries thousands of times.
        skip: &["a_lower_bound_of_parked_events_keeps_the_order"],
    },
    Suite {
        name: "sqlite",
        packages: &[("soiree-sqlite", Tests::All)],
        features: &[],
        skip: &[],
    },
];

/// The exit codes of cargo-mutants if all changes were noticed, some of them because tests did not end.
const CAUGHT: [i32; 2] = [0, 3];

/// Without debug information, tests are built in half the time. `.cargo/mutants.toml` says the same to cargo-mutants.
const PROFILE: [&str; 2] = ["--config", "profile.dev.debug=false"];

/// `.config/nextest.toml` describes the profile. What fails on a mutant is not worth to be kept.
const ENVIRONMENT: [(&str, &str); 2] = [
    ("NEXTEST_PROFILE", "mutants"),
    ("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true"),
];

/// Runs the suite that the first argument names, or all of them. cargo-mutants gets the other arguments, but for those of a [`Sample`].
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
    let (sample, args) = Sample::from_args(args)?;
    let metadata = workspace::metadata()?;
    let mut survived = Vec::new();
    for suite in suites {
        if !suite.run(&metadata, sample.as_ref(), &args)? {
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
    fn run(&self, metadata: &Value, sample: Option<&Sample>, args: &[&str]) -> Result<bool> {
        let targets = self.targets(metadata)?;
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        let skipped = self.skip.iter().flat_map(|name| ["--skip", *name]);
        let skipped: Vec<&str> = ["--"].into_iter().chain(skipped).collect();
        let changed = ["--package", self.packages[0].0];
        let names = match sample {
            Some(sample) => sample.of(&changed)?,
            None => Vec::new(),
        };
        let names: Vec<&str> = names.iter().flat_map(|name| ["--re", name]).collect();
        // cargo-mutants would first run the tests of the changed package alone.
        let packages = self.packages("-p");
        let run = [&["nextest", "run"], &PROFILE[..], &packages].concat();
        workspace::run_with(&ENVIRONMENT, &[&run[..], &targets, &skipped].concat())?;

        let out = workspace::root()
            .join("target")
            .join("mutants")
            .join(self.name);
        fs::create_dir_all(&out)?;
        let out = out.to_string_lossy();
        // nextest stops at the first test that fails or hangs.
        let nextest = ["mutants", "--test-tool=nextest", "--baseline=skip"];
        let fixed = [&nextest[..], &["--timeout=300", "-o", &out]].concat();
        let packages = self.packages("--test-package");
        // After `--`, they would not keep cargo-mutants from building all others too.
        let targets = targets.iter().map(|target| format!("--cargo-arg={target}"));
        let targets: Vec<String> = targets.collect();
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        let options = [&fixed[..], &changed[..], &packages, &targets].concat();
        let all = [&options[..], args, &names, &["--"], &skipped].concat();
        let code = workspace::status(workspace::cargo(), "cargo", &ENVIRONMENT, &all)?;
        match code {
            Some(code) if CAUGHT.contains(&code) => Ok(true),
            Some(2) => Ok(false),
            _ => Err("cargo mutants failed; are cargo-mutants and cargo-nextest installed?".into()),
        }
    }

    fn packages(&self, option: &'static str) -> Vec<&'static str> {
        self.packages
            .iter()
            .flat_map(|(package, _)| [option, *package])
            .collect()
    }

    /// The options that select the features and the tests. Cargo applies them to all packages, so if one package runs only some of its tests, those
    /// of the others are listed by name.
    fn targets(&self, metadata: &Value) -> Result<Vec<String>> {
        if self.packages.iter().all(|(_, tests)| *tests == Tests::All) {
            return Ok(vec!["--tests".into()]);
        }
        let features = self.features.iter();
        let mut options: Vec<String> = features.map(|one| format!("--features={one}")).collect();
        options.push("--lib".into());
        for (package, tests) in self.packages {
            let names = match tests {
                Tests::All => test_targets(metadata, package)?,
                Tests::Of(names) => names.iter().copied().map(String::from).collect(),
            };
            options.extend(names.into_iter().map(|name| format!("--test={name}")));
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
        static ALL: [Suite; 6] = SUITES;
        ALL.iter().find(|suite| suite.name == name).unwrap()
    }

    #[test]
    fn the_configuration_examines_the_files_of_every_suite() {
        let config = include_str!("../../.cargo/mutants.toml");
        let (_, globs) = config.split_once("examine_globs = [").unwrap();
        let (globs, _) = globs.split_once(']').unwrap();
        let packages = globs.split(',').filter_map(|glob| {
            let (package, _) = glob.split_once("/src/")?;
            package.rsplit('/').next()
        });
        let changed = SUITES.map(|suite| suite.packages[0].0);
        assert_eq!(packages.collect::<Vec<_>>(), changed);
    }

    #[test]
    fn tests_are_listed_where_only_some_of_a_package_are_wanted() {
        let metadata = json!({ "packages": [{ "name": "soiree-engine", "targets": [
            { "kind": ["lib"], "name": "soiree_engine" },
            { "kind": ["test"], "name": "emit" },
            { "kind": ["test"], "name": "retry" },
        ]}]});
        let targets = |name| suite(name).targets(&metadata).unwrap().join(" ");
        assert_eq!(targets("core"), "--tests");
        assert_eq!(targets("bounded"), "--tests");
        let engine = targets("engine");
        let (_, selected) = engine.split_once(" --lib ").unwrap();
        assert_eq!(
            selected,
            "--test=emit --test=retry --test=promises --test=graphviz --test=async_callers"
        );
    }

    #[test]
    fn a_package_that_does_not_exist_is_an_error() {
        let error = test_targets(&json!({ "packages": [] }), "soiree-engine").unwrap_err();
        assert_eq!(error.to_string(), "no package soiree-engine");
    }
}
