//! A file of JSON lines: what the target has promised, for an audit to hold it to.

use std::fs::File;
use std::io::{self, BufWriter, Write};

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    file: BufWriter<File>,
    /// The first error; a journal with a gap is no journal.
    failed: Option<io::Error>,
}

impl Journal {
    /// Writes to `file`, which is empty.
    pub(crate) fn new(file: File) -> Journal {
        Journal { file: BufWriter::new(file), failed: None }
    }

    /// Adds one line. An error is kept for [`Journal::finish`]: the load must not stop for it.
    pub(super) fn write<'a>(&mut self, fields: impl Iterator<Item = (&'a str, String)>) {
        let line: serde_json::Map<String, serde_json::Value> =
            fields.map(|(name, value)| (name.to_owned(), value.into())).collect();
        if let Err(error) = writeln!(self.file, "{}", serde_json::Value::from(line)) {
            self.failed.get_or_insert(error);
        }
    }

    /// Makes sure that every line has reached the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.file.flush(),
        }
    }
}
