//! What one file declares and imports, read from its code without comments, literals and tests.
//!
//! This is no Rust parser: it recognises brackets, `mod`, `use`, paths, and the keywords that declare an item. It skips the
//! bodies of `macro_rules!`.

use std::collections::BTreeSet;

use super::tokens::{Token, is_name, tokens};

/// What a module declares and imports.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub(super) children: Vec<Child>,
    pub(super) uses: Vec<Use>,
    pub(super) paths: Vec<Path>,
    /// The names of its own items.
    pub(super) items: BTreeSet<String>,
    /// Its macros with `#[macro_export]`, which have their path in the root of the crate.
    pub(super) exported: Vec<String>,
}

/// A `mod`, with its content if that is inline.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) inline: Option<Declared>,
}

/// One name of a `use` tree.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) path: Vec<String>,
    /// The name in this module, after `as`; `None` for a glob.
    pub(super) name: Option<String>,
    pub(super) line: usize,
    pub(super) is_public: bool,
    /// Whether it is in scope in the whole module, not only in a function.
    pub(super) is_of_module: bool,
}

/// A path in code outside of `use`; it may be a single word.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
    pub(super) is_called: bool,
}

/// Reads a file's code.
pub(super) fn read(code: &str) -> Declared {
    let tokens = tokens(code);
    Parser {
        tokens: &tokens,
        at: 0,
    }
    .module()
}

const OPENING: [&str; 3] = ["(", "[", "{"];
const CLOSING: [&str; 3] = [")", "]", "}"];

/// The keywords in front of the name of an item.
const DECLARING: [&str; 8] = [
    "const", "enum", "fn", "static", "struct", "trait", "type", "union",
];

struct Parser<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
}

impl<'a> Parser<'a> {
    /// Reads to the end of the module: its closing bracket, or the end of the file.
    fn module(&mut self) -> Declared {
        let mut declared = Declared::default();
        let mut depth = 0;
        // For each `enum` around the current token, the depth of its variants.
        let mut variants: Vec<usize> = Vec::new();
        let (mut is_enum, mut is_public, mut is_exported) = (false, false, false);
        while let Some(token) = self.next() {
            let after_public = std::mem::take(&mut is_public);
            match token.text {
                text if OPENING.contains(&text) => {
                    depth += 1;
                    if text == "{" && std::mem::take(&mut is_enum) {
                        variants.push(depth);
                    }
                }
                text if CLOSING.contains(&text) => {
                    if depth == 0 {
                        break;
                    }
                    variants.retain(|variant| *variant < depth);
                    depth -= 1;
                }
                "pub" => {
                    self.skip_group("(");
                    is_public = true;
                }
                "use" => self.use_item(&mut declared, after_public, depth == 0),
                "mod" if depth == 0 => self.child(&mut declared),
                "macro_export" => is_exported = true,
                "macro_rules" if self.is_next("!") => {
                    self.at += 1;
                    if let Some(name) = self.next() {
                        declared.items.insert(name.text.into());
                        if std::mem::take(&mut is_exported) {
                            declared.exported.push(name.text.into());
                        }
                    }
                    OPENING.iter().any(|opening| self.skip_group(opening));
                }
                text if DECLARING.contains(&text) => {
                    is_enum |= text == "enum";
                    if depth == 0 {
                        // In `const fn` the name follows the second keyword.
                        let name = self
                            .peek()
                            .filter(|name| is_name(name.text) && !DECLARING.contains(&name.text));
                        declared.items.extend(name.map(|name| name.text.into()));
                    }
                }
                text if is_name(text) => {
                    let is_variant = variants.last() == Some(&depth)
                        && matches!(self.before(), Some("{" | "," | "]"));
                    self.path(token, is_variant, &mut declared);
                }
                _ => {}
            }
        }
        declared
    }

    /// Reads the name and the inline content of a module, after its `mod`.
    fn child(&mut self, declared: &mut Declared) {
        let Some(name) = self.next() else { return };
        let is_inline = self.is_next("{");
        self.at += 1;
        let inline = is_inline.then(|| self.module());
        declared.children.push(Child {
            name: name.text.into(),
            line: name.line,
            inline,
        });
    }

    /// Reads the rest of a path in code. The name of an item, a method or a variant is not a path.
    fn path(&mut self, first: Token<'_>, is_variant: bool, declared: &mut Declared) {
        let before = self.before().unwrap_or_default();
        let mut segments = vec![String::from(first.text)];
        while self.is_next("::") && self.is_name_at(self.at + 1) {
            segments.push(self.tokens[self.at + 1].text.into());
            self.at += 2;
        }
        let is_name_only = DECLARING.contains(&before) || matches!(before, "." | "::");
        if !is_variant && !is_name_only {
            declared.paths.push(Path {
                segments,
                line: first.line,
                is_called: self.is_next("(") || self.is_next("!"),
            });
        }
    }

    /// Reads the tree of a `use`, up to its semicolon.
    fn use_item(&mut self, declared: &mut Declared, is_public: bool, is_of_module: bool) {
        // `use<'a>` in a type imports nothing, and a path that starts with `::` belongs to another crate.
        if !self.is_next("<") && !self.is_next("::") {
            let mut found = Vec::new();
            self.use_tree(&[], &mut found);
            declared
                .uses
                .extend(found.into_iter().map(|(path, name, line)| Use {
                    path,
                    name,
                    line,
                    is_public,
                    is_of_module,
                }));
        }
    }

    fn use_tree(
        &mut self,
        prefix: &[String],
        found: &mut Vec<(Vec<String>, Option<String>, usize)>,
    ) {
        let mut path = prefix.to_vec();
        while let Some(token) = self.peek() {
            match token.text {
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    while self.peek().is_some() && !self.is_next("}") {
                        let start = self.at;
                        self.use_tree(&path, found);
                        // Skips a token that belongs in no tree.
                        self.at += usize::from(self.is_next(",") || self.at == start);
                    }
                    self.at += 1;
                    return;
                }
                "*" => {
                    self.at += 1;
                    found.push((path, None, token.line));
                    return;
                }
                text if is_name(text) => {
                    self.at += 1;
                    // `a::{self}` is `a`.
                    if text != "self" || path.is_empty() {
                        path.push(text.into());
                    }
                    if self.is_next("::") {
                        continue;
                    }
                    let mut name = path.last().cloned();
                    if self.is_next("as") {
                        self.at += 1;
                        name = self.next().map(|token| token.text.into());
                    }
                    found.push((path, name, token.line));
                    return;
                }
                _ => return,
            }
        }
    }

    fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    /// The token before the one that was read last.
    fn before(&self) -> Option<&'a str> {
        let at = self.at.checked_sub(2)?;
        self.tokens.get(at).map(|token| token.text)
    }

    fn is_next(&self, text: &str) -> bool {
        self.peek().is_some_and(|token| token.text == text)
    }

    fn is_name_at(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|token| is_name(token.text))
    }

    /// Skips a group in brackets, if the next token opens one. Returns whether it does.
    fn skip_group(&mut self, opening: &str) -> bool {
        if !self.is_next(opening) {
            return false;
        }
        let mut depth = 0;
        while let Some(token) = self.next() {
            depth += usize::from(OPENING.contains(&token.text));
            depth -= usize::from(CLOSING.contains(&token.text));
            if depth == 0 {
                break;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(code: &str) -> Vec<String> {
        let shown = |found: &Use| {
            let name = found.name.as_deref().unwrap_or("*");
            format!("{}: {} as {name}", found.line, found.path.join("::"))
        };
        read(code).uses.iter().map(shown).collect()
    }

    fn paths(code: &str) -> Vec<String> {
        let paths = read(code).paths;
        paths
            .iter()
            .filter(|path| path.segments.len() > 1)
            .map(|path| format!("{}: {}", path.line, path.segments.join("::")))
            .collect()
    }

    #[test]
    fn a_use_tree_has_one_path_for_each_name() {
        assert_eq!(
            uses("use crate::{\n    a::{self, B as C},\n    d::*,\n};\npub use self::e::f;"),
            [
                "2: crate::a as a",
                "2: crate::a::B as C",
                "3: crate::d as *",
                "5: self::e::f as f"
            ]
        );
    }

    #[test]
    fn a_use_is_public_or_private_and_of_a_module_or_a_function() {
        let declared = read("use a::B;\npub(in crate::c) use d::E;\nfn f() { use g::H; }");
        let said: Vec<(bool, bool)> = declared
            .uses
            .iter()
            .map(|found| (found.is_public, found.is_of_module))
            .collect();
        assert_eq!(said, [(false, true), (true, true), (false, false)]);
    }

    #[test]
    fn paths_in_code_are_found_in_types_and_calls() {
        assert_eq!(
            paths("fn a(b: &crate::c::D) {\n    <super::E as F>::g(crate::h::<I>(x.j::<K>()));\n}"),
            ["1: crate::c::D", "2: super::E", "2: crate::h"]
        );
    }

    #[test]
    fn visibilities_macro_bodies_and_captures_import_nothing() {
        let code = "pub(in crate::a) struct B;\nmacro_rules! c { () => { crate::d::E } }\nfn f() -> impl G + use<'_> {}";
        assert!(paths(code).is_empty());
        assert!(uses(code).is_empty());
        assert_eq!(uses("use ::std::fmt;"), <[String; 0]>::default());
    }

    #[test]
    fn items_are_those_of_the_module_itself() {
        let functions = "const fn a() { struct B; }\nimpl D { const E: &'static F = 1; }\n";
        let macros = "#[macro_export]\nmacro_rules! c { () => {} }";
        let declared = read(&[functions, macros].concat());
        let items: Vec<&str> = declared.items.iter().map(String::as_str).collect();
        assert_eq!(items, ["a", "c"]);
        assert_eq!(declared.exported, ["c"]);
    }

    #[test]
    fn modules_are_declared_or_inline() {
        let declared = read("mod a;\npub mod b { use super::C; mod d; }\nuse e::F;");
        let names: Vec<&str> = declared
            .children
            .iter()
            .map(|child| child.name.as_str())
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert!(declared.children[0].inline.is_none());
        let inline = declared.children[1].inline.as_ref().unwrap();
        assert_eq!((inline.uses.len(), inline.children.len()), (1, 1));
        assert_eq!(declared.uses.len(), 1);
    }

    #[test]
    fn variants_and_methods_are_not_paths() {
        let code = "enum A { B(C, D), #[e] F { g: H } }\nfn i() { j.k(L::M) }";
        let words: Vec<String> = read(code)
            .paths
            .iter()
            .map(|path| path.segments.join("::"))
            .collect();
        for (word, is_path) in [
            ("B", false),
            ("F", false),
            ("D", true),
            ("k", false),
            ("L::M", true),
        ] {
            assert_eq!(words.iter().any(|found| found == word), is_path, "{word}");
        }
    }
}
