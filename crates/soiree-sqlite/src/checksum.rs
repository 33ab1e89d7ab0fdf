//! Checksums of rows.

/// The CRC-32 of the columns of a row, one after the other.
///
/// An integer counts as its eight bytes, the lowest first. Text and blobs count as their length as such an integer, and their bytes.
/// NULL counts as the length -1.
pub(crate) struct Checksum(crc32fast::Hasher);

impl Checksum {
    pub(crate) fn new() -> Self {
        Self(crc32fast::Hasher::new())
    }

    pub(crate) fn integer(mut self, value: i64) -> Self {
        self.0.update(&value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(self, value: &[u8]) -> Self {
        let mut this = self.integer(i64::try_from(value.len()).unwrap_or(i64::MAX));
        this.0.update(value);
        this
    }

    pub(crate) fn optional(self, value: Option<&[u8]>) -> Self {
        match value {
            Some(value) => self.bytes(value),
            None => self.integer(-1),
        }
    }

    pub(crate) fn end(self) -> i64 {
        self.0.finalize().into()
    }
}
