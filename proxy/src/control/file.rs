//! Files that a configuration names, read whole: ordinary ones of a bounded size, so that none keeps a reload waiting.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use config::model::ByteSize;
use rustix::fs::{Mode, OFlags, open};

/// The content of a file. What kind of file it is, is asked of the open one: the name may lead elsewhere by then.
pub(super) fn read(path: &Path, size_max: ByteSize) -> io::Result<Vec<u8>> {
    content(open_ordinary(path)?, size_max)
}

/// The same of a file that nobody but its owner may change, and nobody but its owner and group may read: a service's
/// user reads by its group what belongs to root.
pub(super) fn read_secret(path: &Path, size_max: ByteSize) -> io::Result<Vec<u8>> {
    let file = open_ordinary(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o027 != 0 {
        let why = format!("others than its owner may read or change it (mode {mode:o}); hint: chmod 600 or 640");
        return Err(io::Error::new(ErrorKind::PermissionDenied, why));
    }
    content(file, size_max)
}

fn open_ordinary(path: &Path) -> io::Result<File> {
    // Opening a pipe would wait for somebody to write to it.
    let how = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(open(path, how, Mode::empty())?);
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::Error::new(ErrorKind::IsADirectory, "it is a folder"));
    }
    if !kind.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no ordinary file"));
    }
    Ok(file)
}

fn content(file: File, size_max: ByteSize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(size_max.0.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > size_max.0 {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it is larger than {size_max}")));
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use rustix::fs::{CWD, FileType, mknodat};

    use super::*;

    #[test]
    fn only_an_ordinary_file_within_its_bound_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "12345678").unwrap();
        mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", at("endless")).unwrap();
        for (name, size_max, result) in [
            ("file", 8, Ok("12345678")),
            ("link", 8, Ok("12345678")),
            ("file", 7, Err("it is larger than 7B")),
            ("pipe", 8, Err("it is no ordinary file")),
            ("endless", 8, Err("it is no ordinary file")),
            (".", 8, Err("it is a folder")),
            ("none", 8, Err("No such file or directory (os error 2)")),
        ] {
            let read = read(&at(name), ByteSize(size_max)).map_err(|error| error.to_string());
            let read = read.as_deref().map_err(String::as_str);
            assert_eq!(read, result.map(str::as_bytes), "{name}");
        }
    }
}
