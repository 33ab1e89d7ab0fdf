//! The file: whether it can be a store, and who may read it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::problem::{Outcome, Problem};

/// The smallest page of a database.
const LEAST_BYTES: u64 = 512;

/// A path with something behind its last character.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// A file that SQLite may open.
pub(crate) struct Found {
    /// Its path without links, so that all processes find the same locks next to it.
    pub(crate) path: PathBuf,
    /// Whether there is no such file yet.
    pub(crate) is_new: bool,
}

/// Looks at the path, and rejects what cannot be a database.
///
/// Never opens the file: closing it would take away the locks of every other connection that this process has to it.
pub(crate) fn find(path: &Path, allow_unsafe: bool) -> Outcome<Found> {
    if path.as_os_str().is_empty() {
        return Err(Problem::explained(
            ErrorKind::InvalidInput,
            "the path is empty",
        ));
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(Problem::explained(
            ErrorKind::IsADirectory,
            "it is a directory; name a file in it",
        )),
        Ok(found) if !found.is_file() => Err(Problem::explained(
            ErrorKind::InvalidInput,
            "it is no ordinary file",
        )),
        Ok(found) => {
            let path = fs::canonicalize(path)?;
            local(&path, allow_unsafe)?;
            match found.len() {
                0 => no_log_without_file(&path, "it is empty")?,
                // SQLite takes it for empty, and would write over it.
                1..LEAST_BYTES => {
                    return Err(Problem::Corrupt(format!(
                        "it has less than {LEAST_BYTES} bytes: it is damaged, or a file of another kind"
                    )));
                }
                _ => {}
            }
            let is_new = false;
            Ok(Found { path, is_new })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => missing(path, allow_unsafe),
        Err(error) => Err(error.into()),
    }
}

fn missing(path: &Path, allow_unsafe: bool) -> Outcome<Found> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| {
        Problem::explained(ErrorKind::InvalidInput, "the path does not end in a name")
    })?;
    let folder = fs::canonicalize(folder).map_err(|error| {
        let folder = folder.display();
        Problem::explained(
            error.kind(),
            format!("the directory {folder} cannot be used; create it first: {error}"),
        )
    })?;
    local(&folder, allow_unsafe)?;
    let path = folder.join(name);
    no_log_without_file(&path, "it is missing")?;
    Ok(Found { path, is_new: true })
}

/// SQLite removes a write-ahead log without a database. It may contain all events.
fn no_log_without_file(path: &Path, what: &str) -> Outcome<()> {
    let log = with_suffix(path, "-wal");
    match fs::metadata(&log) {
        Ok(found) if found.len() > 0 => Err(Problem::Corrupt(format!(
            "{what}, but its write-ahead log {} is not; restore both, or remove both",
            log.display()
        ))),
        _ => Ok(()),
    }
}

/// Keeps others from reading events, whatever the umask. The log and its index get the same mode from SQLite.
pub(crate) fn make_private(path: &Path) -> Outcome<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// A new file survives a power cut only once its directory is on the disk.
pub(crate) fn sync_folder(file: &Path) -> Outcome<()> {
    if let (true, Some(folder)) = (cfg!(unix), file.parent()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The file systems that do not keep the locks or the shared memory that a write-ahead log needs.
#[cfg(target_os = "linux")]
const NETWORK: [(i128, &str); 12] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "SMB (CIFS)"),
    (0xfe53_4d42, "SMB"),
    (0x517b, "SMB"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0x564c, "NCP"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00c3_6400, "Ceph"),
    (0x786f_4256, "a shared folder of VirtualBox"),
];

#[cfg(target_os = "linux")]
fn local(path: &Path, allow_unsafe: bool) -> Outcome<()> {
    if allow_unsafe {
        return Ok(());
    }
    let found = rustix::fs::statfs(path).map_err(std::io::Error::from)?;
    match network(i128::from(found.f_type)) {
        None => Ok(()),
        Some(kind) => Err(Problem::Unsafe(format!(
            "{} is on a file system of the kind {kind}, where a write-ahead log may be damaged; put the file on a local disk, \
             or allow it with SqliteStore::allow_unsafe",
            path.display()
        ))),
    }
}

#[cfg(target_os = "linux")]
fn network(kind: i128) -> Option<&'static str> {
    // The type is signed on some machines and 32 bits wide on others.
    let kind = kind & 0xffff_ffff;
    let (_, name) = NETWORK.iter().find(|(known, _)| *known == kind)?;
    Some(name)
}

#[cfg(not(target_os = "linux"))]
fn local(_: &Path, _: bool) -> Outcome<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// D16: network file systems are known by their numbers, signed or not.
    #[test]
    fn network_file_systems_are_known() {
        assert_eq!(network(0x6969), Some("NFS"));
        assert_eq!(
            network(i128::from(0xff53_4d42_u32 as i32)),
            Some("SMB (CIFS)")
        );
        assert_eq!(network(0xff53_4d42), Some("SMB (CIFS)"));
        for local in [0xef53, 0x0102_1994, 0x794c_7630, 0x9123_683e, 0x5846_5342] {
            assert_eq!(network(local), None, "{local:x}");
        }
    }

    /// D16: what is local for tests is local for the check.
    #[test]
    fn a_file_that_may_be_anywhere_is_not_checked() {
        assert!(local(Path::new("/does/not/exist"), true).is_ok());
        assert!(local(Path::new("/does/not/exist"), false).is_err());
    }
}
