//! Every command of the README works as it is written there.

use std::fs;

use crate::root;

/// What is not run, and why.
const LEFT_OUT: [(&str, &str); 3] = [
    (
        "cargo test --workspace --all-features",
        "this is one of its tests",
    ),
    (
        "cargo xtask book",
        "it builds all documentation; `cargo xtask ci` runs it",
    ),
    (
        "pkill -9 -x ingest",
        "others may have one running; that the process has this name is checked where it is started",
    ),
];

/// What is different here, so that it takes seconds: the profile of this test, whose builds are there, and how long some go on. The
/// measurement is a test of `ingest`.
const QUICKER: [(&str, &str); 3] = [
    (" --release", ""),
    ("--kills 20", "--kills 2"),
    ("--bench", "--bench --help"),
];

/// The commands of blocks of `sh`, without comments, and those between backquotes in the text. What starts with `--` there goes on
/// with the `cargo run` before it.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut run = String::new();
    let mut add = |command: &str| {
        let is_rest = command.starts_with("-- ");
        if command.starts_with("cargo run") {
            run = command.into();
        }
        let starts = ["cargo ", "curl ", "pkill ", "bash ", "docker "];
        if is_rest {
            commands.push(format!("{run} {command}"));
        } else if starts.iter().any(|start| command.starts_with(start)) {
            commands.push(command.into());
        }
    };
    for (at, part) in text.split("```").enumerate() {
        // Every second part is a block.
        if at % 2 == 0 {
            part.split('`').skip(1).step_by(2).for_each(&mut add);
        } else if let Some(block) = part.strip_prefix("sh\n") {
            let lines = block.lines().filter(|line| !line.trim().is_empty());
            for line in lines {
                let command = line.split(" #").next().unwrap_or_default().trim();
                assert!(command.starts_with("cargo "), "no test runs {line:?}");
                add(command);
            }
        }
    }
    commands
}

fn readme() -> String {
    fs::read_to_string(root::path().join("README.md")).expect("there is a README")
}

/// The features of the facade.
fn features() -> Vec<String> {
    let manifest = root::path().join("crates/soiree/Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("there is a manifest");
    let (_, rest) = manifest.split_once("[features]\n").expect("features");
    let names = rest.lines().take_while(|line| !line.starts_with('['));
    let names = names.filter_map(|line| line.split_once(" = "));
    names.map(|(name, _)| name.into()).collect()
}

/// `cargo add` would change a manifest, and needs a registry. Its features are known.
fn check_add(command: &str) {
    let known = features();
    let words: Vec<&str> = command.split_whitespace().collect();
    let lists = words
        .windows(2)
        .filter(|pair| ["--features", "-F"].contains(&pair[0]));
    for name in lists.flat_map(|pair| pair[1].split(',')) {
        let is_known = known.iter().any(|known| known == name);
        assert!(is_known || !words.contains(&"soiree"), "{command}: {name}");
    }
}

#[test]
fn every_command_of_the_readme_works() {
    let commands = commands(&readme());
    assert!(commands.len() >= 7, "{commands:?}");
    for command in &commands {
        if LEFT_OUT.iter().any(|(left_out, _)| left_out == command) {
            continue;
        }
        if command.starts_with("cargo add ") {
            check_add(command);
            continue;
        }
        let quicker = QUICKER.iter();
        let quicker = quicker.fold(command.clone(), |all, (from, to)| all.replace(from, to));
        let words: Vec<&str> = quicker.split_whitespace().collect();
        let ["cargo", "run", ..] = words[..] else {
            panic!("no test runs {command:?}, and it is not left out with a reason");
        };
        eprintln!("{quicker}");
        let needs_server = words.contains(&"fleet") && crate::nats::nats_server().is_none();
        match root::is_service(&words[1..]) {
            _ if needs_server => {}
            true => drop(root::serves(&words[1..])),
            false => drop(root::prints(&words[1..])),
        }
    }
}

#[test]
fn what_is_left_out_is_in_the_readme() {
    let commands = commands(&readme());
    for (command, why) in LEFT_OUT {
        assert!(
            commands.iter().any(|found| found == command),
            "{command}: {why}"
        );
    }
}

#[test]
fn commands_are_found_in_blocks_and_in_the_text() {
    let text = "a `cargo run --example a` b\n```sh\ncargo run --example c   # why\n\ncargo test\n```\n`-- --prove` `x`\n```rust\n`cargo no`\n```\n";
    let expected = [
        "cargo run --example a",
        "cargo run --example c",
        "cargo test",
        "cargo run --example c -- --prove",
    ];
    assert_eq!(commands(text), expected);
}
