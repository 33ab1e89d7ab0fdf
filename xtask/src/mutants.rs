//! Whether the tests notice when the code is changed.

use std::fs;

use crate::result::Result;
use crate::workspace;

/// Code, and the tests that are to notice.
struct Suite {
    name: &'static str,
    /// What to leave out of what `.cargo/mutants.toml` selects.
    exclude: &'static str,
    packages: &'static [&'static str],
    tests: &'static [&'static str],
}

const SUITES: [Suite; 2] = [
    Suite {
        name: "core",
        exclude: "crates/soiree-pool/**",
        packages: &["soiree-core", "soiree"],
        // Without the one stress test, which takes longer than all others together.
        tests: &[
            "--lib",
            "--test",
            "promises",
            "--test",
            "registry",
            "--test",
            "topics",
            "--",
            "--skip",
            "under_stress",
        ],
    },
    Suite {
        name: "pool",
        exclude: "crates/soiree-core/**",
        packages: &["soiree-pool"],
        tests: &["--tests"],
    },
];

/// What cargo-mutants says if all was caught, some of it because tests no longer ended.
const CAUGHT: [i32; 2] = [0, 3];

/// Runs the suite that the first argument names, or all, with the other arguments handed to cargo-mutants.
pub(crate) fn run(args: &[&str]) -> Result {
    let (suites, args): (Vec<&Suite>, &[&str]) = match args {
        [first, rest @ ..] if !first.starts_with('-') => {
            let named = SUITES.iter().find(|suite| suite.name == *first);
            let suite = named.ok_or(format!("no suite {first}; there are core and pool"))?;
            (vec![suite], rest)
        }
        _ => (SUITES.iter().collect(), args),
    };
    let mut survived = Vec::new();
    for suite in suites {
        if !suite.run(args)? {
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
    fn run(&self, args: &[&str]) -> Result<bool> {
        let chosen = |option| {
            self.packages
                .iter()
                .flat_map(move |package| [option, *package])
        };
        // The first run of cargo-mutants itself is of the changed package alone.
        let packages: Vec<&str> = chosen("-p").collect();
        workspace::run(&[&["test", "--quiet"], &packages[..], self.tests].concat())?;

        let out = workspace::root()
            .join("target")
            .join("mutants")
            .join(self.name);
        fs::create_dir_all(&out)?;
        let out = out.to_string_lossy();
        let packages: Vec<&str> = chosen("--test-package").collect();
        let fixed = [
            "mutants",
            "--baseline=skip",
            "--timeout=30",
            "-e",
            self.exclude,
            "-o",
            &out,
        ];
        let all = [&fixed, &packages[..], args, &["--"], self.tests].concat();
        let code = workspace::status(workspace::cargo(), "cargo", &[], &all)?;
        match code {
            Some(code) if CAUGHT.contains(&code) => Ok(true),
            Some(2) => Ok(false),
            _ => Err("cargo mutants failed; is cargo-mutants installed?".into()),
        }
    }
}
