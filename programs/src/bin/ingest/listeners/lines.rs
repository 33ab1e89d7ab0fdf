//! A file of whole lines, which grows at its end.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use crate::folder::private;

pub(super) struct LineFile {
    file: File,
    lines: usize,
}

impl LineFile {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut options = private();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path)?;
        // A line without an end was cut off with the process.
        let (mut lines, mut whole) = (0, 0);
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            lines += 1;
            whole += line.len() as u64;
            line.clear();
        }
        file.set_len(whole)?;
        Ok(Self { file, lines })
    }

    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// Returns once the line is on the disk. If that fails, nothing of it stays in the file.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let end = self.file.seek(SeekFrom::End(0))?;
        let written = self
            .file
            .write_all(line)
            .and_then(|()| self.file.sync_data());
        if written.is_err() {
            self.file.set_len(end)?;
        }
        written?;
        self.lines += 1;
        Ok(())
    }

    pub(super) fn copy_to(&mut self, to: &mut impl Write) -> io::Result<()> {
        self.file.rewind()?;
        io::copy(&mut self.file, to)?;
        Ok(())
    }

    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.lines = 0;
        Ok(())
    }
}
