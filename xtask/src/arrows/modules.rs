//! The modules of one crate, and which of them import from which.

use std::collections::BTreeMap;

use super::circles::Site;
use super::imports::{self, Child, Declared, Path, Use};
use crate::source::Source;

/// How many re-exports are followed from a name to its item.
const MAX_STEPS: usize = 8;

/// The text of a file, if it exists.
pub(super) type Files<'a> = &'a dyn Fn(&str) -> Option<String>;

/// An import: from the module that has it, to the one that defines what is imported.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Arrow {
    pub(super) site: Site,
    pub(super) from: Place,
    pub(super) to: Place,
}

/// A module and its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// As in a path, without `crate::`; empty for the root.
    pub(super) module: String,
    pub(super) file: String,
}

impl Place {
    /// The top-level module that this is or belongs to; `None` for the root.
    pub(super) fn top(&self) -> Option<&str> {
        self.module.split("::").next().filter(|top| !top.is_empty())
    }
}

struct Module {
    place: Place,
    /// The root has none.
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    declared: Declared,
}

/// What a name stands for. An item is found in the module that defines it.
#[derive(Clone, Copy)]
enum Found {
    Module(usize),
    Item(usize),
    Foreign,
}

/// All modules of one crate; the root is the first.
pub(super) struct Modules(Vec<Module>);

impl Modules {
    /// Reads the root file, and every file that a `mod` declares.
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

    /// Every import of one module from another, sorted by file and line. The root may import anything, so it is left out.
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

    /// Gives a macro with `#[macro_export]` a name in the root, wherever it is defined.
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

    /// What a module imports, and on which line.
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

    /// Whether an import only re-exports what the module's own children define.
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

    /// Whether a path in code imports something by itself, rather than by a name that a `use` has imported already.
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
        // A small word may be a variable, if nothing shows that it is called.
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

    /// What a path stands for: one thing, or one for each `cfg`. Nothing if it starts with the name of another crate.
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
                    // What follows an item belongs to it.
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
                // Made by a macro.
                found if found.is_empty() => vec![Found::Item(module)],
                found => found,
            },
        }
    }

    /// What a name stands for in a module, if anything there declares or imports it.
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

/// The file that a `mod` declares, and what is in it.
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
