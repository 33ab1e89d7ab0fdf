//! The folder of the data, which one service has at a time.

use std::fs::{DirBuilder, File, OpenOptions};
use std::path::Path;

use fs4::{FileExt, TryLockError};

const LOCK_FILE: &str = "lock";

/// Makes the folder, for its owner only as the store is in it, and locks it until the file is closed or the process ends, however it ends.
pub(crate) fn lock(data: &Path) -> Result<File, String> {
    let wrong = |error| format!("--data {}: {error}", data.display());
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut folder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(data).map_err(wrong)?;
    let mut options = private();
    let file = options.write(true).create(true).truncate(false);
    let file = file.open(data.join(LOCK_FILE)).map_err(wrong)?;
    match FileExt::try_lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "--data {}: another service uses this folder",
            data.display()
        )),
        Err(TryLockError::Error(error)) => Err(wrong(error)),
    }
}

/// Files that are made with these options are for their owner only: payloads may be private.
pub(crate) fn private() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
