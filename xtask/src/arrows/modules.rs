//! The modules of one crate, and which of them import from which.

use std::collections::BTreeMap;

use super::circles::Site;
use super::imports::{self, Child, Declared, Path, Use};
use crate::source::Source;

/// How many re-exports are followed from a name to its item.
const MAX_STEPS: usize = 8;

/// The text of a file, if it exists.
pub(super) type Files<'a> = &'a dyn Fn(&str) -> Option<String>;

/// An import, from the importing module to the module that defines the item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    pub(super) site: Site,
    pub(super) from: Place,
    pub(super) to: Place,
}

/// A module and its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Its path without `crate::`; empty for the root.
    pub(super) module: String,
    pub(super) file: String,
}

impl Place {
    /// The top-level module that contains it; `None` for the root.
    pub(super) fn top(&self) -> Option<&str> {
        self.module.split("::").next().filter(|top| !top.is_empty())
    }
}

struct Module {
    place: Place,
    /// `None` for the root.
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    declared: Declared,
}

/// What a name refers to. An item is given as the module that defines it.
#[derive(Clone, Copy)]
enum Found {
    Module(usize),
    Item(usize),
    Foreign,
}

/// All modules of one crate; the root is the first.
pub(super) struct Modules(Vec<Module>);

impl Modules {
    /// Reads the root file and all files that a `mod` declares.
    pub(super) fn read(root: &str, files: Files<'_>) -> Result<Self, String> {
        let text = files(root).ok_or(format!("{root}: no such file"))?;
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        let place = Place {
            module: String::new(),
            file: root.into(),
        };
        let mut modules = Self(Vec::new());
        modules.add(None, place, folder, declared(root, text), files)?;
        modules.export_macros();
        Ok(modules)
    }

    /// The names of the top-level modules.
    pub(super) fn tops(&self) -> Vec<&str> {
        self.0[0].children.keys().map(String::as_str).collect()
    }

    /// Every import between two modules, sorted by file and line. Imports of the root are left out: it may import anything.
    pub(super) fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = Vec::new();
        for module in 1..self.0.len() {
            for (line, found) in self.imports(module) {
                arrows.extend(self.arrow(module, line, found));
            }
        }
        arrows.sort();
        arrows.dedup();
        arrows
    }

    fn add(
        &mut self,
        parent: Option<usize>,
        place: Place,
        folder: &str,
        mut declared: Declared,
        files: Files<'_>,
    ) -> Result<usize, String> {
        let this = self.0.len();
        let children = std::mem::take(&mut declared.children);
        self.0.push(Module {
            place: place.clone(),
            parent,
            children: BTreeMap::new(),
            declared,
        });
        for mut child in children {
            let inline = child.inline.take();
            let (file, content) = match inline {
                Some(content) => (place.file.clone(), content),
                None => find(&child, &place, folder, files)?,
            };
            let module = match place.module.as_str() {
                "" => child.name.clone(),
                module => format!("{module}::{}", child.name),
            };
            let folder = format!("{folder}/{}", child.name);
            let id = self.add(Some(this), Place { module, file }, &folder, content, files)?;
            self.0[this].children.insert(child.name, id);
        }
        Ok(this)
    }

    /// Adds the macros with `#[macro_export]` to the names of the root.
    fn export_macros(&mut self) {
        let mut exported = Vec::new();
        for module in &self.0[1..] {
            let mut path = vec![String::from("crate")];
            path.extend(module.place.module.split("::").map(String::from));
            exported.extend(module.declared.exported.iter().map(|name| Use {
                path: [path.as_slice(), std::slice::from_ref(name)].concat(),
                name: Some(name.clone()),
                line: 0,
                is_public: true,
                is_of_module: true,
            }));
        }
        self.0[0].declared.uses.extend(exported);
    }

    fn arrow(&self, from: usize, line: usize, found: Found) -> Option<Arrow> {
        let (Found::Module(to) | Found::Item(to)) = found else {
            return None;
        };
        let (from, to) = (&self.0[from].place, &self.0[to].place);
        let is_inside_one_file = from.file == to.file && from.top() == to.top();
        (!is_inside_one_file).then(|| Arrow {
            site: Site {
                path: from.file.clone(),
                line,
            },
            from: from.clone(),
            to: to.clone(),
        })
    }

    /// The lines on which a module imports something, and what.
    fn imports(&self, module: usize) -> Vec<(usize, Found)> {
        let declared = &self.0[module].declared;
        let mut imports = Vec::new();
        for import in &declared.uses {
            if !self.is_facade(module, import) {
                let found = self.resolve(module, &import.path, 0);
                imports.extend(found.into_iter().map(|found| (import.line, found)));
            }
        }
        for path in &declared.paths {
            if self.is_import(module, path) {
                let found = self.resolve(module, &path.segments, 0);
                imports.extend(found.into_iter().map(|found| (path.line, found)));
            }
        }
        imports
    }

    /// Whether an import only re-exports an item of the module's own children.
    fn is_facade(&self, module: usize, import: &Use) -> bool {
        let is_below = |found: &Found| match found {
            Found::Module(found) | Found::Item(found) => self.is_within(*found, module),
            Found::Foreign => false,
        };
        import.is_public
            && import.is_of_module
            && self.resolve(module, &import.path, 0).iter().all(is_below)
    }

    fn is_within(&self, module: usize, ancestor: usize) -> bool {
        module == ancestor
            || self.0[module]
                .parent
                .is_some_and(|parent| self.is_within(parent, ancestor))
    }

    /// Whether a path in code is an import of its own. A path that starts with an imported name is not: its `use` counts.
    fn is_import(&self, module: usize, path: &Path) -> bool {
        let (first, is_single) = (&path.segments[0], path.segments.len() == 1);
        if matches!(first.as_str(), "crate" | "self" | "super") {
            return true;
        }
        let Module {
            children, declared, ..
        } = &self.0[module];
        if children.contains_key(first) {
            return !is_single;
        }
        // A lower-case word that is not called may be a variable.
        let is_used = !is_single || path.is_called || first.starts_with(char::is_uppercase);
        declared.uses.iter().any(|import| {
            let is_module = || {
                let found = self.resolve(module, &import.path, 0);
                found.iter().any(|found| matches!(found, Found::Module(_)))
            };
            match &import.name {
                Some(name) if name == first => {
                    (!is_single && is_module()) || (is_used && self.is_facade(module, import))
                }
                Some(_) => false,
                None => is_used && self.is_facade(module, import),
            }
        })
    }

    /// What a path refers to. Several results come from several `cfg`; none if the path starts with an unknown name, as that of
    /// another crate.
    fn resolve(&self, from: usize, path: &[String], steps: usize) -> Vec<Found> {
        let Some((first, rest)) = path.split_first() else {
            return vec![Found::Module(from)];
        };
        let start = match first.as_str() {
            "crate" => vec![Found::Module(0)],
            "self" | "super" => self.member(from, first, steps),
            name => self.known(from, name, steps),
        };
        rest.iter().fold(start, |here, name| {
            here.into_iter()
                .flat_map(|found| match found {
                    Found::Module(module) => self.member(module, name, steps),
                    // Variants and associated items belong to their item.
                    found => vec![found],
                })
                .collect()
        })
    }

    fn member(&self, module: usize, name: &str, steps: usize) -> Vec<Found> {
        match name {
            "self" => vec![Found::Module(module)],
            "super" => vec![Found::Module(self.0[module].parent.unwrap_or(0))],
            name => match self.known(module, name, steps) {
                // An unknown name in a module of this crate: a macro defines it.
                found if found.is_empty() => vec![Found::Item(module)],
                found => found,
            },
        }
    }

    /// What a name refers to in a module. Empty if the module neither declares nor imports it.
    fn known(&self, module: usize, name: &str, steps: usize) -> Vec<Found> {
        let Module {
            children, declared, ..
        } = &self.0[module];
        if let Some(child) = children.get(name) {
            return vec![Found::Module(*child)];
        }
        if declared.items.contains(name) {
            return vec![Found::Item(module)];
        }
        if steps == MAX_STEPS {
            return Vec::new();
        }
        let imports = || declared.uses.iter().filter(|import| import.is_of_module);
        let mut found = Vec::new();
        for import in imports().filter(|import| import.name.as_deref() == Some(name)) {
            let resolved = self.resolve(module, &import.path, steps + 1);
            match resolved.is_empty() {
                true => found.push(Found::Foreign),
                false => found.extend(resolved),
            }
        }
        if !found.is_empty() {
            return found;
        }
        for glob in imports().filter(|import| import.name.is_none()) {
            for inside in self.resolve(module, &glob.path, steps + 1) {
                if let Found::Module(inside) = inside {
                    found.extend(self.known(inside, name, steps + 1));
                }
            }
        }
        found
    }
}

/// The path and the content of the file that a `mod` declares.
fn find(
    child: &Child,
    parent: &Place,
    folder: &str,
    files: Files<'_>,
) -> Result<(String, Declared), String> {
    let candidates = ["{}.rs", "{}/mod.rs"]
        .map(|pattern| format!("{folder}/{}", pattern.replace("{}", &child.name)));
    for path in &candidates {
        if let Some(text) = files(path) {
            return Ok((path.clone(), declared(path, text)));
        }
    }
    let [file, module] = candidates;
    let (path, line, name) = (&parent.file, child.line, &child.name);
    Err(format!(
        "{path}:{line}: mod {name}: neither {file} nor {module} exists"
    ))
}

fn declared(path: &str, text: String) -> Declared {
    imports::read(&Source::new(path.into(), text).shipped())
}
