//! A configuration file as text: bounded in size, and UTF-8.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::problem::{Code, Problems};

/// Largest file read. Ten thousand routes fit in it; a wrong file (a log, a disk image) does not.
const SIZE_MAX: u64 = 1 << 20;

/// The text of a file and the name it was loaded by.
#[derive(Debug)]
pub(crate) struct Source {
    origin: PathBuf,
    text: String,
}

impl Source {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Problems> {
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(SIZE_MAX + 1).read_to_end(&mut bytes)).map_err(|error| {
            Problems::whole_file(Code::UnreadableFile, path, format!("cannot be read: {error}"), None)
        })?;
        Self::from_bytes(bytes, path)
    }

    /// Takes a file's content that is already in memory.
    pub(crate) fn from_bytes(bytes: Vec<u8>, origin: &Path) -> Result<Self, Problems> {
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SIZE_MAX {
            let message = format!("is larger than {SIZE_MAX} bytes");
            return Err(Problems::whole_file(
                Code::TooLarge,
                origin,
                message,
                Some("is this the configuration file?".into()),
            ));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
            Problems::whole_file(
                Code::UnreadableFile,
                origin,
                format!("is not UTF-8 text: line {line}, byte {good} of the file"),
                None,
            )
        })?;
        Ok(Self { origin: origin.to_owned(), text })
    }

    pub(crate) fn origin(&self) -> &Path {
        &self.origin
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What relative paths in the file start from.
    pub(crate) fn folder(&self) -> &Path {
        self.origin.parent().unwrap_or(Path::new(""))
    }

    /// Line `number`, from 1; empty where there is none.
    pub(crate) fn line(&self, number: u32) -> &str {
        let before = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        self.text.lines().nth(before).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_or_not_text_is_refused() {
        let origin = Path::new("edge.yaml");
        let large = Source::from_bytes(vec![b' '; (1 << 20) + 1], origin).unwrap_err();
        assert!(large.to_string().contains("is larger than 1048576 bytes"), "{large}");
        assert!(Source::from_bytes(vec![b' '; 1 << 20], origin).is_ok());
        let binary = Source::from_bytes(b"a: 1\nb: \xff".to_vec(), origin).unwrap_err();
        assert_eq!(binary.to_string(), "edge.yaml: E0102: is not UTF-8 text: line 2, byte 8 of the file");
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let problems = Source::read(Path::new("no/such.yaml")).unwrap_err();
        assert!(problems.to_string().starts_with("no/such.yaml: E0102: cannot be read: "), "{problems}");
    }
}
