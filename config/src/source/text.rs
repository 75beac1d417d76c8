//! The text of one file: bounded in size, and UTF-8.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::problem::{At, Code, Problems, Report};

/// Largest file read. Thirty thousand routes fit in it; a wrong file (a log, a disk image) does not.
const SIZE_MAX: u64 = 4 << 20;

/// The text of a file and the name it was read by.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Why there is no text.
#[derive(Debug)]
pub(super) struct Fault {
    code: Code,
    /// Follows on the name of the file.
    reason: String,
    hint: Option<&'static str>,
}

impl Fault {
    pub(super) fn of_main(self, path: &Path) -> Problems {
        Problems::whole_file(self.code, path, self.reason, self.hint.map(str::to_owned))
    }

    pub(super) fn of_included(self, path: &Path, at: &At, report: &mut Report) {
        let message = format!("`{}` {}", path.display(), self.reason);
        match self.hint {
            Some(hint) => report.refuse_with_hint(self.code, at, message, hint),
            None => report.refuse(self.code, at, message),
        }
    }
}

fn unreadable(error: &std::io::Error) -> Fault {
    Fault { code: Code::UnreadableFile, reason: format!("cannot be read: {error}"), hint: None }
}

/// Reads a file, which may also be a pipe.
pub(super) fn read(path: &Path) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(SIZE_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| unreadable(&error))?;
    bounded(bytes)
}

/// Reads a file that must be one: opening a pipe that nobody writes to would wait for ever.
pub(super) fn read_regular(path: &Path) -> Result<String, Fault> {
    let metadata = path.metadata().map_err(|error| unreadable(&error))?;
    if metadata.is_file() {
        return read(path);
    }
    let reason = if metadata.is_dir() { "is a folder" } else { "is no ordinary file" };
    let hint = metadata.is_dir().then_some("name the files in it, such as `routes/*.yaml`");
    Err(Fault { code: Code::UnreadableFile, reason: reason.into(), hint })
}

/// Takes the content of a file that is already in memory.
pub(super) fn bounded(bytes: Vec<u8>) -> Result<String, Fault> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SIZE_MAX {
        let hint = Some("is this a configuration file?");
        return Err(Fault { code: Code::TooLarge, reason: format!("is larger than {SIZE_MAX} bytes"), hint });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count() + 1;
        let reason = format!("is not UTF-8 text: line {line}, byte {good} of the file");
        Fault { code: Code::UnreadableFile, reason, hint: None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_or_not_text_is_refused() {
        let large = bounded(vec![b' '; (4 << 20) + 1]).unwrap_err();
        assert_eq!((large.code, large.reason.as_str()), (Code::TooLarge, "is larger than 4194304 bytes"));
        assert!(bounded(vec![b' '; 4 << 20]).is_ok());
        let binary = bounded(b"a: 1\nb: \xff".to_vec()).unwrap_err();
        assert_eq!(binary.reason, "is not UTF-8 text: line 2, byte 8 of the file");
    }

    #[test]
    fn what_is_no_ordinary_file_is_refused_before_it_is_opened() {
        let reason = |path: &str| read_regular(Path::new(path)).unwrap_err().reason;
        assert_eq!(reason("/dev/zero"), "is no ordinary file");
        assert_eq!(reason("/"), "is a folder");
        assert!(reason("no/such.yaml").starts_with("cannot be read: "));
    }

    #[test]
    fn an_endless_main_file_is_read_up_to_its_bound() {
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().code, Code::TooLarge);
        assert_eq!(read(Path::new("/")).unwrap_err().code, Code::UnreadableFile);
    }
}
