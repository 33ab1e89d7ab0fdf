//! Some of the mutants, of every file.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::result::Result;
use crate::workspace;

/// At least so many mutants of each file, if it has them.
const PER_FILE: usize = 2;

/// About `count` mutants: of each file as many as its share of all, chosen by `seed`.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    count: usize,
    seed: u64,
}

impl Sample {
    /// Takes `--sample COUNT` and `--seed SEED` out of the arguments.
    pub(super) fn from_args<'a>(args: &[&'a str]) -> Result<(Option<Self>, Vec<&'a str>)> {
        let (mut count, mut seed, mut rest) = (None, 0, Vec::new());
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut number = || -> Result<u64> {
                let text = args.next().ok_or_else(|| format!("{arg} needs a number"))?;
                let number = text.parse();
                Ok(number.map_err(|_| format!("{arg} {text}: not a number"))?)
            };
            match *arg {
                "--sample" => count = Some(usize::try_from(number()?)?),
                "--seed" => seed = number()?,
                other => rest.push(other),
            }
        }
        Ok((count.map(|count| Self { count, seed }), rest))
    }

    /// A regular expression for each mutant of the sample.
    pub(super) fn of(&self, options: &[&str]) -> Result<Vec<String>> {
        let mut command = workspace::cargo();
        command.args(["mutants", "--list", "--json"]).args(options);
        let listed = command.output()?;
        if !listed.status.success() {
            return Err("cargo mutants failed; is cargo-mutants installed?".into());
        }
        let mutants: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
        let names = mutants.iter().filter_map(|mutant| mutant["name"].as_str());
        Ok(self.chosen(names).into_iter().map(exactly).collect())
    }

    fn chosen<'a>(&self, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut files = BTreeMap::<&str, Vec<&str>>::new();
        for name in names {
            let file = name.split(':').next().unwrap_or(name);
            files.entry(file).or_default().push(name);
        }
        let all: usize = files.values().map(Vec::len).sum();
        files
            .into_values()
            .flat_map(|mut names| {
                let share = (names.len() * self.count).div_ceil(all);
                names.sort_by_cached_key(|name| self.place(name));
                names.truncate(share.max(PER_FILE));
                names
            })
            .collect()
    }

    /// The mutants of a file are taken in this order.
    fn place(&self, name: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, name).hash(&mut hasher);
        hasher.finish()
    }
}

/// A regular expression that fits this text and no other.
fn exactly(text: &str) -> String {
    let escaped = text.chars().flat_map(|character| {
        let special = r"\.+*?()|[]{}^$".contains(character);
        special.then_some('\\').into_iter().chain([character])
    });
    format!("^{}$", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 9] = [
        "a.rs:1: replace + with -",
        "a.rs:1: replace + with *",
        "a.rs:2: replace f with ()",
        "a.rs:3: replace g with ()",
        "a.rs:4: replace h with ()",
        "a.rs:5: replace i with ()",
        "b.rs:1: replace f with ()",
        "b.rs:2: replace g with ()",
        "c.rs:1: replace f with ()",
    ];

    fn chosen(count: usize, seed: u64) -> Vec<&'static str> {
        Sample { count, seed }.chosen(NAMES.into_iter())
    }

    #[test]
    fn a_sample_has_two_mutants_of_each_file_and_more_of_those_that_have_more() {
        let files = |count| {
            let chosen = chosen(count, 7);
            ["a", "b", "c"].map(|file| chosen.iter().filter(|name| name.starts_with(file)).count())
        };
        assert_eq!(files(1), [2, 2, 1]);
        assert_eq!(files(5), [4, 2, 1]);
        assert_eq!(files(9), [6, 2, 1]);
    }

    #[test]
    fn the_seed_decides_which_mutants_are_chosen() {
        assert_eq!(chosen(4, 7), chosen(4, 7));
        let different = (0..16).any(|seed| chosen(4, seed) != chosen(4, 7));
        assert!(different);
    }

    #[test]
    fn the_options_of_a_sample_are_taken_out_of_the_arguments() {
        let (sample, rest) = Sample::from_args(&["--in-place", "--sample", "9", "-v"]).unwrap();
        assert_eq!(sample, Some(Sample { count: 9, seed: 0 }));
        assert_eq!(rest, ["--in-place", "-v"]);
        let (sample, _) = Sample::from_args(&["--seed", "3", "--sample", "9"]).unwrap();
        assert_eq!(sample, Some(Sample { count: 9, seed: 3 }));
        assert_eq!(Sample::from_args(&["-v"]).unwrap().0, None);
        let error = |args: &[&str]| Sample::from_args(args).unwrap_err().to_string();
        assert_eq!(error(&["--sample"]), "--sample needs a number");
        assert_eq!(error(&["--seed", "x"]), "--seed x: not a number");
    }

    #[test]
    fn a_mutant_is_named_exactly() {
        assert_eq!(
            exactly("a_b.rs:1: replace + with -"),
            r"^a_b\.rs:1: replace \+ with -$"
        );
    }
}
