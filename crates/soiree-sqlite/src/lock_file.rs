//! Locks of the operating system, which end with the process however it ends.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::file::with_suffix;
use crate::problem::{Outcome, Problem};

/// File names have 255 bytes at most.
const MOST_NAME: usize = 160;

/// The directory of the locks, next to the database.
pub(crate) fn folder(database: &Path, prefix: &str) -> PathBuf {
    // Names of tables are the same in capitals.
    with_suffix(database, &format!(".{}", prefix.to_ascii_lowercase()))
}

/// Makes the directory of the locks.
pub(crate) fn make_folder(folder: &Path) -> Outcome<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && is_folder(folder) => Ok(()),
        Err(error) => Err(unusable(folder, &error)),
        Ok(()) => Ok(()),
    }
}

fn is_folder(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir())
}

fn unusable(path: &Path, error: &std::io::Error) -> Problem {
    let path = path.display();
    Problem::explained(
        error.kind(),
        format!(
            "the locks of listeners in {path} cannot be used: {error}; the process must be able to write the directory of the file"
        ),
    )
}

/// A lock that this process holds until the value is dropped.
#[derive(Debug)]
pub(crate) struct LockFile(File);

impl LockFile {
    /// Takes the lock of a listener, if no other process or store has it. The file stays when the lock ends: removing it while
    /// another process opens it would make two locks.
    pub(crate) fn try_take(folder: &Path, listener: &str) -> Outcome<Option<Self>> {
        let path = folder.join(format!("{}.lock", escaped(listener)));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = match options.open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_folder(folder)?;
                options.open(&path)
            }
            opened => opened,
        };
        let file = file.map_err(|error| unusable(&path, &error))?;
        match fs4::FileExt::try_lock(&file) {
            Ok(()) => Ok(Some(Self(file))),
            Err(fs4::TryLockError::WouldBlock) => Ok(None),
            Err(fs4::TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }
}

/// Closing the file would free the lock only once all have closed it: a process that is being started has inherited it until then.
impl Drop for LockFile {
    fn drop(&mut self) {
        // If that fails, closing it is what is left.
        let _ = fs4::FileExt::unlock(&self.0);
    }
}

/// The name of a listener as the name of a file. Capitals are escaped, since some file systems do not tell them apart.
fn escaped(listener: &str) -> String {
    let mut name = String::new();
    for byte in listener.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => name.push(byte.into()),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    if name.len() > MOST_NAME {
        name.truncate(MOST_NAME);
        name.push_str(&format!("+{:016x}", fnv1a(listener.as_bytes())));
    }
    name
}

/// A hash that stays the same in all versions.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_listeners_become_names_of_files() {
        assert_eq!(escaped("receipt-mail_2"), "receipt-mail_2");
        assert_eq!(escaped("../Aé"), "%2e%2e%2f%41%c3%a9");
        let (one, other) = ("x".repeat(300), format!("{}y", "x".repeat(299)));
        assert!(escaped(&one).len() < 200);
        assert_ne!(escaped(&one), escaped(&other));
    }

    /// D14: one lock at a time, also within a process.
    #[test]
    fn a_lock_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("locks");
        let held = LockFile::try_take(&folder, "a").unwrap().unwrap();
        assert!(LockFile::try_take(&folder, "a").unwrap().is_none());
        assert!(LockFile::try_take(&folder, "b").unwrap().is_some());
        drop(held);
        assert!(LockFile::try_take(&folder, "a").unwrap().is_some());
    }

    /// D14: a child has all files of its parent from the moment that it is made until its program starts.
    #[test]
    fn a_lock_that_is_given_up_is_free_though_a_child_has_inherited_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let held = LockFile::try_take(folder.path(), "a").unwrap().unwrap();
        let inherited = held.0.try_clone().unwrap();
        drop(held);
        assert!(LockFile::try_take(folder.path(), "a").unwrap().is_some());
        drop(inherited);
    }
}
