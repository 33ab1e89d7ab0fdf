//! The rules for the modules of one crate: no import upwards, and no circle.

use std::collections::BTreeSet;

use super::circles::{self, Edges};
use super::modules::{Arrow, Modules, Place};

/// Where the lists of layers are.
const FILE: &str = "xtask/src/arrows/layers.rs";

/// One line for each import and each layer that breaks a rule.
pub(super) fn check(name: &str, layers: Option<&[&str]>, modules: &Modules) -> Vec<String> {
    let (tops, arrows) = (modules.tops(), modules.arrows());
    let mut rejected = Vec::new();
    match layers {
        Some(layers) => rejected.extend(mismatches(name, layers, &tops)),
        None if tops.is_empty() => {}
        None => rejected.push(format!("{name}: no list of layers in {FILE}")),
    }
    let upwards = |arrow| upward(name, layers.unwrap_or_default(), arrow);
    rejected.extend(arrows.iter().filter_map(upwards));
    rejected.extend(circles(name, &arrows));
    rejected
}

/// An import, as `--list` prints it.
pub(super) fn shown(arrow: &Arrow) -> String {
    let (path, line) = (&arrow.site.path, arrow.site.line);
    let (from, to) = (label(&arrow.from), label(&arrow.to));
    format!("{path}:{line}: {from} -> {to}")
}

fn label(place: &Place) -> &str {
    match place.module.as_str() {
        "" => "the root",
        module => module,
    }
}

/// A list of layers names each top-level module once, and nothing else.
fn mismatches(name: &str, layers: &[&str], tops: &[&str]) -> Vec<String> {
    let mut rejected = Vec::new();
    for top in tops {
        match layers.iter().filter(|layer| *layer == top).count() {
            0 => rejected.push(format!("{name}: module {top} has no layer in {FILE}")),
            1 => {}
            _ => rejected.push(format!("{name}: module {top} has two layers in {FILE}")),
        }
    }
    for layer in layers.iter().filter(|layer| !tops.contains(layer)) {
        rejected.push(format!("{name}: layer {layer} in {FILE} names no module"));
    }
    rejected
}

/// What is wrong with an import that does not point to a lower layer.
fn upward(name: &str, layers: &[&str], arrow: &Arrow) -> Option<String> {
    let (path, line) = (&arrow.site.path, arrow.site.line);
    let (from, to) = (label(&arrow.from), label(&arrow.to));
    let layer = |place: &Place| layers.iter().position(|layer| Some(*layer) == place.top());
    let rule = match (layer(&arrow.from), layer(&arrow.to)) {
        _ if arrow.to.top().is_none() => {
            format!("no module imports what the root of {name} defines; move that to a module")
        }
        (Some(own), Some(other)) if own < other => {
            let (own, other) = (layers[own], layers[other]);
            format!("in {name}, {other} is a layer above {own}")
        }
        // What has no layer is reported by `mismatches`.
        _ => return None,
    };
    Some(format!("{path}:{line}: {from} imports {to}: {rule}"))
}

fn circles(name: &str, arrows: &[Arrow]) -> Vec<String> {
    let mut rejected = Vec::new();
    for circle in circles::shortest(&edges(arrows.iter(), Place::top)) {
        rejected.push(format!(
            "{circle}: modules of {name} import each other in a circle"
        ));
    }
    let tops: BTreeSet<&str> = arrows.iter().filter_map(|arrow| arrow.from.top()).collect();
    for top in tops {
        let inside = arrows.iter().filter(|arrow| {
            [&arrow.from, &arrow.to]
                .iter()
                .all(|place| place.top() == Some(top))
        });
        for circle in circles::shortest(&edges(inside, |place| Some(&place.file))) {
            rejected.push(format!(
                "{circle}: files of module {top} in {name} import each other in a circle"
            ));
        }
    }
    rejected
}

/// The imports between the groups of modules that have one name.
fn edges<'a>(arrows: impl Iterator<Item = &'a Arrow>, group: fn(&Place) -> Option<&str>) -> Edges {
    let mut edges = Edges::new();
    for arrow in arrows {
        if let (Some(from), Some(to)) = (group(&arrow.from), group(&arrow.to)) {
            if from != to {
                edges
                    .entry((from.into(), to.into()))
                    .or_insert_with(|| arrow.site.clone());
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that are rejected in a crate `x` with these files, the root first.
    fn rejected(layers: &[&str], files: &[(&str, &str)]) -> Vec<String> {
        let text = |path: &str| {
            let (_, text) = files.iter().find(|(known, _)| *known == path)?;
            Some(String::from(*text))
        };
        match Modules::read(files[0].0, &text) {
            Ok(modules) => check("x", Some(layers), &modules),
            Err(error) => vec![error],
        }
    }

    #[track_caller]
    fn assert_rejected(layers: &[&str], files: &[(&str, &str)], lines: &[&str]) {
        assert_eq!(rejected(layers, files), lines);
    }

    #[test]
    fn imports_downwards_pass() {
        let files = [
            ("src/lib.rs", "mod a;\nmod b;\npub use self::b::B;"),
            ("src/a.rs", "pub struct A;"),
            (
                "src/b.rs",
                "use crate::a::A;\nuse std::fmt;\npub struct B(A);",
            ),
        ];
        assert_rejected(&["a", "b"], &files, &[]);
    }

    #[test]
    fn an_import_upwards_is_rejected_with_file_and_line() {
        let files = [
            ("src/lib.rs", "mod a;\nmod b;"),
            ("src/a/mod.rs", "mod c;"),
            ("src/a/c.rs", "\nuse crate::{\n    b::B,\n};"),
            ("src/b.rs", "pub struct B;"),
        ];
        let line = "src/a/c.rs:3: a::c imports b: in x, b is a layer above a";
        assert_rejected(&["a", "b"], &files, &[line]);
    }

    #[test]
    fn an_inline_path_is_an_import() {
        let files = [
            ("src/lib.rs", "mod a;\nmod b;"),
            ("src/a.rs", "fn a() -> u8 {\n    crate::b::B::MOST\n}"),
            ("src/b.rs", "pub struct B;"),
        ];
        let line = "src/a.rs:2: a imports b: in x, b is a layer above a";
        assert_rejected(&["a", "b"], &files, &[line]);
    }

    #[test]
    fn comments_strings_tests_and_macros_import_nothing() {
        let above = "// crate::b::B\nconst S: &str = \"crate::b::B\";\nmacro_rules! m { () => { crate::b::B } }\n";
        let tests =
            "#[cfg(test)]\nuse crate::b::B;\n#[cfg(test)]\nmod tests { use crate::b::B; }\n";
        let after = "#[cfg(test)]\nmod more;\nfn f(#[cfg(test)] b: crate::b::B) {}";
        let files = [
            ("src/lib.rs", "mod a;\nmod b;"),
            ("src/a.rs", &[above, tests, after].concat()),
            ("src/b.rs", "pub struct B;"),
        ];
        assert_rejected(&["a", "b"], &files, &[]);
    }

    #[test]
    fn a_name_leads_to_the_module_that_defines_it() {
        let files = [
            ("src/lib.rs", "mod a;\nmod b;\nmod c;\npub use crate::c::C;"),
            ("src/a.rs", "use crate::b::Renamed;\nuse crate::C;"),
            ("src/b.rs", "pub(crate) use crate::c::C as Renamed;"),
            ("src/c.rs", "pub struct C;"),
        ];
        let lines = [
            "src/a.rs:1: a imports c: in x, c is a layer above a",
            "src/a.rs:2: a imports c: in x, c is a layer above a",
            "src/b.rs:1: b imports c: in x, c is a layer above b",
        ];
        assert_rejected(&["b", "a", "c"], &files, &lines);
    }

    #[test]
    fn what_the_root_defines_is_imported_by_no_module() {
        let files = [
            (
                "src/main.rs",
                "mod a;\ntype Result = ();\nfn main() { a::run() }",
            ),
            ("src/a.rs", "use crate::Result;"),
        ];
        let line = "src/a.rs:1: a imports the root: no module imports what the root of x defines; move that to a module";
        assert_rejected(&["a"], &files, &[line]);
    }

    #[test]
    fn an_exported_macro_has_its_path_in_the_root() {
        let macros = "#[doc(hidden)]\n#[macro_export]\nmacro_rules! m { () => {} }";
        let files = [
            ("src/lib.rs", "mod a;\nmod b;"),
            ("src/a.rs", "crate::m! {}"),
            ("src/b.rs", macros),
        ];
        assert_rejected(&["b", "a"], &files, &[]);
        let line = "src/a.rs:1: a imports b: in x, b is a layer above a";
        assert_rejected(&["a", "b"], &files, &[line]);
    }

    #[test]
    fn every_module_has_one_layer_and_every_layer_is_a_module() {
        let files = [
            ("src/lib.rs", "mod a;\nmod b;\nmod c {}"),
            ("src/a.rs", ""),
            ("src/b.rs", ""),
        ];
        let lines = [
            "x: module b has no layer in xtask/src/arrows/layers.rs",
            "x: module c has two layers in xtask/src/arrows/layers.rs",
            "x: layer d in xtask/src/arrows/layers.rs names no module",
        ];
        assert_rejected(&["a", "c", "d", "c"], &files, &lines);
    }

    #[test]
    fn a_crate_with_modules_and_without_layers_is_rejected() {
        let check = |text: &'static str| {
            let modules = Modules::read("src/main.rs", &|_| Some(text.into()));
            super::check("x", None, &modules.unwrap())
        };
        assert_eq!(
            check("mod a {}"),
            ["x: no list of layers in xtask/src/arrows/layers.rs"]
        );
        assert_eq!(check("fn main() {}"), <[String; 0]>::default());
    }

    #[test]
    fn a_file_that_does_not_exist_is_an_error() {
        let line = "src/lib.rs:2: mod a: neither src/a.rs nor src/a/mod.rs exists";
        assert_rejected(&["a"], &[("src/lib.rs", "\nmod a;")], &[line]);
    }

    #[test]
    fn modules_that_import_each_other_are_a_circle() {
        let files = [
            ("src/lib.rs", "mod a;\nmod b;\nmod c;"),
            ("src/a.rs", "use crate::b::B;\npub struct A;"),
            ("src/b.rs", "\nuse crate::c::C;\npub struct B;"),
            ("src/c.rs", "\n\nuse crate::a::A;\npub struct C;"),
        ];
        let lines = [
            "src/c.rs:3: c imports a: in x, a is a layer above c",
            "src/a.rs:1 -> src/b.rs:2 -> src/c.rs:3 -> src/a.rs: modules of x import each other in a circle",
        ];
        assert_rejected(&["c", "b", "a"], &files, &lines);
    }

    /// Asserts the circles in a crate with one module `a`, which has these files.
    #[track_caller]
    fn assert_circles(files: &[(&str, &str)], circles: &[&str]) {
        let files = [&[("src/lib.rs", "mod a;")], files].concat();
        let lines: Vec<String> = circles
            .iter()
            .map(|circle| format!("{circle}: files of module a in x import each other in a circle"))
            .collect();
        assert_eq!(rejected(&["a"], &files), lines);
    }

    #[test]
    fn files_of_one_module_that_import_each_other_are_a_circle() {
        let files = [
            (
                "src/a/mod.rs",
                "mod b;\nmod c;\npub use self::b::B;\npub use self::c::C;",
            ),
            ("src/a/b.rs", "use super::C;\npub struct B;"),
            ("src/a/c.rs", "pub struct C;\nuse super::b::B;"),
        ];
        assert_circles(&files, &["src/a/b.rs:1 -> src/a/c.rs:2 -> src/a/b.rs"]);
    }

    #[test]
    fn a_parent_that_only_re_exports_is_in_no_circle() {
        let files = [
            (
                "src/a/mod.rs",
                "mod b;\nmod c;\npub use self::b::B;\npub use self::c::*;\nstruct A;\nenum D { B, C }",
            ),
            ("src/a/b.rs", "use super::{A, C};\npub struct B(A);"),
            ("src/a/c.rs", "pub struct C(super::A);"),
        ];
        assert_circles(&files, &[]);
    }

    #[test]
    fn a_parent_imports_what_its_own_code_uses_of_its_children() {
        let b = ("src/a/b.rs", "use super::A;\npub struct B(A);");
        for parent in [
            "mod b;\nuse self::b::B;\nstruct A;",
            "mod b; struct A;\npub use self::b::B; impl A { fn c() -> B {} }",
            "mod b; pub use self::b::*; struct A;\nimpl A { fn c() -> B {} }",
            "mod b; struct A;\nimpl A { fn c() { b::c() } }",
        ] {
            let circle = "src/a/b.rs:1 -> src/a/mod.rs:2 -> src/a/b.rs";
            assert_circles(&[("src/a/mod.rs", parent), b], &[circle]);
        }
    }
}
