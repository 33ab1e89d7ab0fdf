//! A disk on which only what was synced is sure to be.

use std::collections::{BTreeMap, HashMap};

use fastrand::Rng;

use super::recording::Step;

/// The unit that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Files by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What becomes of writes that were not synced when the power is cut.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unsynced {
    Lost,
    Kept,
    /// Each write is kept or lost.
    Some,
    /// Each sector of each write is kept or lost.
    Torn,
}

impl Unsynced {
    pub(crate) const ALL: [Self; 4] = [Self::Lost, Self::Kept, Self::Some, Self::Torn];
}

/// The disk while the process writes.
#[derive(Default)]
pub(crate) struct Disk {
    /// All files there were, also those that were removed.
    files: Vec<File>,
    /// As the process sees it.
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    unsynced_names: Unwritten<Naming>,
    /// What each thread has started to sync, and how many changes were made before.
    syncing: HashMap<u32, (Option<usize>, usize)>,
}

#[derive(Default)]
struct File {
    synced: Vec<u8>,
    unsynced: Unwritten<Change>,
}

/// Changes that are not on the disk yet, and how many are.
struct Unwritten<T> {
    changes: Vec<T>,
    written: usize,
}

enum Naming {
    Create(String, usize),
    Remove(String),
}

enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl<T> Default for Unwritten<T> {
    fn default() -> Self {
        let changes = Vec::new();
        Self {
            changes,
            written: 0,
        }
    }
}

impl<T> Unwritten<T> {
    fn made(&self) -> usize {
        self.written + self.changes.len()
    }

    fn write_back(&mut self, up_to: usize) -> impl Iterator<Item = T> {
        let changes = up_to.saturating_sub(self.written);
        self.written += changes;
        self.changes.drain(..changes)
    }
}

impl Disk {
    pub(crate) fn take(&mut self, step: &Step) {
        match step {
            Step::Create(name) => {
                if !self.names.contains_key(name) {
                    let number = self.files.len();
                    self.files.push(File::default());
                    self.names.insert(name.clone(), number);
                    let naming = Naming::Create(name.clone(), number);
                    self.unsynced_names.changes.push(naming);
                }
            }
            Step::Remove(name) => {
                if self.names.remove(name).is_some() {
                    let naming = Naming::Remove(name.clone());
                    self.unsynced_names.changes.push(naming);
                }
            }
            Step::Write {
                file,
                offset,
                bytes,
            } => self.change(file, Change::Write(*offset, bytes.clone())),
            Step::Truncate { file, length } => self.change(file, Change::Truncate(*length)),
            Step::Sync { thread, file } => {
                let sync = match file.is_empty() {
                    true => (None, self.unsynced_names.made()),
                    false => {
                        let number = self.names[file];
                        (Some(number), self.files[number].unsynced.made())
                    }
                };
                let before = self.syncing.insert(*thread, sync);
                assert!(before.is_none(), "two syncs at once");
            }
            Step::Synced { thread, is_real } => {
                // Of a file that is none of the database.
                let Some(sync) = self.syncing.remove(thread) else {
                    return;
                };
                if *is_real {
                    self.write_back(sync);
                }
            }
            Step::Said(_) => {}
        }
    }

    fn change(&mut self, file: &str, change: Change) {
        let number = self.names[file];
        self.files[number].unsynced.changes.push(change);
    }

    fn write_back(&mut self, (file, up_to): (Option<usize>, usize)) {
        match file {
            None => {
                for naming in self.unsynced_names.write_back(up_to) {
                    naming.apply(&mut self.synced_names);
                }
            }
            Some(number) => {
                let file = &mut self.files[number];
                for change in file.unsynced.write_back(up_to) {
                    change.apply(&mut file.synced, || true);
                }
            }
        }
    }

    /// What is on the disk if the power is cut now.
    pub(crate) fn cut(&self, unsynced: Unsynced, random: &mut Rng) -> Files {
        let share = [0.1, 0.5, 0.9][random.usize(..3)];
        let mut names = self.synced_names.clone();
        let changes = &self.unsynced_names.changes;
        let kept = random.usize(..=changes.len());
        for (at, naming) in changes.iter().enumerate() {
            let is_kept = match unsynced {
                Unsynced::Lost => false,
                Unsynced::Kept => true,
                // File systems with a journal keep the order of these.
                Unsynced::Some => at < kept,
                Unsynced::Torn => random.bool(),
            };
            if is_kept {
                naming.apply(&mut names);
            }
        }
        let mut files = Files::new();
        for (name, number) in names {
            let file = &self.files[number];
            let mut bytes = file.synced.clone();
            for change in &file.unsynced.changes {
                let is_kept = random.f64() < share;
                change.apply(&mut bytes, || match unsynced {
                    Unsynced::Lost => false,
                    Unsynced::Kept => true,
                    Unsynced::Some => is_kept,
                    Unsynced::Torn => random.f64() < share,
                });
            }
            files.insert(name, bytes);
        }
        files
    }
}

impl Naming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Create(name, file) => names.insert(name.clone(), *file),
            Self::Remove(name) => names.remove(name),
        };
    }
}

impl Change {
    /// Makes the change, as far as each sector is kept.
    fn apply(&self, to: &mut Vec<u8>, mut keeps: impl FnMut() -> bool) {
        match self {
            Self::Truncate(length) => {
                if keeps() {
                    to.resize(*length, 0);
                }
            }
            Self::Write(offset, bytes) => {
                let (mut from, end) = (*offset, offset + bytes.len());
                while from < end {
                    let next = end.min((from / SECTOR + 1) * SECTOR);
                    if keeps() {
                        let length = to.len().max(next);
                        to.resize(length, 0);
                        to[from..next].copy_from_slice(&bytes[from - offset..next - offset]);
                    }
                    from = next;
                }
            }
        }
    }
}
