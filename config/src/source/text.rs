//! The text of one file: bounded in size, and UTF-8.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

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

fn unreadable(error: &io::Error) -> Fault {
    Fault { code: Code::UnreadableFile, reason: format!("cannot be read: {error}"), hint: None }
}

/// Reads a file that must be an ordinary one: a pipe that nobody writes to would keep a reload waiting for ever.
pub(super) fn read(path: &Path) -> Result<String, Fault> {
    let file = open(path).map_err(|error| unreadable(&error))?;
    // Of what is open: the name may mean something else by now.
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        let (reason, hint) = match metadata.is_dir() {
            true => ("is a folder", "name a file; `include` also takes patterns such as `routes/*.yaml`"),
            false => ("is no ordinary file", "write what it gives to a file first"),
        };
        return Err(Fault { code: Code::UnreadableFile, reason: reason.into(), hint: Some(hint) });
    }
    let mut bytes = Vec::new();
    file.take(SIZE_MAX + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    bounded(bytes)
}

/// Opens whatever it is at once: without `NONBLOCK`, a pipe opens when somebody writes to it.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// The lines of a text as YAML counts them (1.2.2 section 5.4): a carriage return alone ends one too.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// Takes the content of a file that is already in memory.
pub(super) fn bounded(bytes: Vec<u8>) -> Result<String, Fault> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SIZE_MAX {
        let hint = Some("is this a configuration file?");
        return Err(Fault { code: Code::TooLarge, reason: format!("is larger than {SIZE_MAX} bytes"), hint });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = str::from_utf8(&error.as_bytes()[..good]).expect("it is valid up to there");
        let line = lines(text).count();
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
    fn a_line_ends_as_the_parser_has_it() {
        let text = "a\nb\r\nc\rd\r\r\ne";
        assert_eq!(lines(text).collect::<Vec<_>>(), ["a", "b", "c", "d", "", "e"]);
        let problems = crate::load_str("version: 1\rx: 1\r\nrout: []\n", Path::new("edge.yaml")).unwrap_err();
        let shown: Vec<_> = problems.iter().map(|problem| (problem.line, problem.source_line.as_str())).collect();
        assert!(shown.contains(&(2, "x: 1")) && shown.contains(&(3, "rout: []")), "{problems}");
    }

    #[test]
    fn what_is_no_ordinary_file_is_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR | Mode::WUSR).unwrap();
        let reason = |path: &Path| read(path).unwrap_err().reason;
        assert_eq!(reason(&pipe), "is no ordinary file");
        assert_eq!(reason(Path::new("/dev/zero")), "is no ordinary file");
        assert_eq!(reason(Path::new("/")), "is a folder");
        assert!(reason(Path::new("no/such.yaml")).starts_with("cannot be read: No such file"));
    }

    #[test]
    fn a_large_file_is_read_up_to_its_bound() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(1 << 40).unwrap();
        assert_eq!(read(file.path()).unwrap_err().code, Code::TooLarge);
    }
}
