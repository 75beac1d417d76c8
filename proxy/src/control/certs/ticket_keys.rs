//! Keys of session tickets out of files, which several edges may share.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use config::model::ByteSize;
use thiserror::Error;

use super::super::file;
use crate::listen::tls::tickets::{KEY_LENGTHS, Key, SharedKey};

/// More than a year of weekly keys.
const KEYS_MAX: usize = 64;
const FILE_MAX: ByteSize = ByteSize(KEY_LENGTHS[1] as u64);

/// Why the keys cannot be used.
#[derive(Debug, Error)]
pub(crate) enum TicketKeyError {
    /// It is not there, not ours to read, or open to others.
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// It is something else.
    #[error("{} has {length} bytes, a key of tickets has 48 or 80", path.display())]
    Length { path: PathBuf, length: usize },
    /// There is nothing in the folder, or too much.
    #[error("{} holds {count} keys, expected 1 to {KEYS_MAX}", path.display())]
    Count { path: PathBuf, count: usize },
}

/// The keys in a file, or in the files of a folder: the last name is the newest key, which comes first. Names that begin
/// with a dot are none (Kubernetes keeps its own there, and so do programs that put a new file in place).
pub(crate) fn load(path: &Path) -> Result<Vec<SharedKey>, TicketKeyError> {
    let files = files(path)?;
    files.iter().rev().map(|path| read(path)).collect()
}

/// Those files, in order of their names.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, TicketKeyError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |cause| TicketKeyError::Unreadable { path: path.to_owned(), cause };
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            files.push(entry.path());
        }
    }
    if !(1..=KEYS_MAX).contains(&files.len()) {
        return Err(TicketKeyError::Count { path: path.to_owned(), count: files.len() });
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<SharedKey, TicketKeyError> {
    let unreadable = |cause| TicketKeyError::Unreadable { path: path.to_owned(), cause };
    let bytes = file::read_secret(path, FILE_MAX).map_err(unreadable)?;
    // `mtime` comes along with copies; `ctime` tells when the file was put here (inode(7)).
    let since_s = u64::try_from(fs::metadata(path).map_err(unreadable)?.ctime()).unwrap_or_default();
    let key = Key::new(&bytes).ok_or_else(|| TicketKeyError::Length { path: path.to_owned(), length: bytes.len() })?;
    Ok(SharedKey { key, since_s })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn write(path: &Path, length: usize, mode: u32) {
        fs::write(path, vec![b'k'; length]).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn why(path: &Path) -> String {
        let error = load(path).map(|_| ()).unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        format!("{error}: {cause}")
    }

    #[test]
    fn the_last_name_is_the_newest_key() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["2026-11-02.key", "2026-11-22.key", "2026-11-12.key", ".half-written"] {
            write(&at(name), 48, 0o600);
        }
        let names: Vec<_> = files(folder.path()).unwrap();
        assert_eq!(names, ["2026-11-02.key", "2026-11-12.key", "2026-11-22.key"].map(at));
        let keys = load(folder.path()).unwrap();
        assert_eq!(keys.len(), 3);
        let lately = crate::listen::tls::tickets::now_s() - 3600;
        assert!(keys.iter().all(|key| key.since_s > lately), "{keys:?}");
        symlink(at("2026-11-22.key"), at(".link")).unwrap();
        assert_eq!(load(&at(".link")).unwrap().len(), 1, "a file by itself, also through a link");
    }

    #[test]
    fn what_others_may_read_or_change_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        for (mode, good) in
            [(0o600, true), (0o400, true), (0o640, true), (0o644, false), (0o660, false), (0o602, false)]
        {
            write(&file, 80, 0o600);
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(load(&file).is_ok(), good, "{mode:o}");
        }
        assert!(why(&file).contains("others than its owner may read or change it (mode 602); hint: chmod "));
    }

    #[test]
    fn each_mistake_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("empty")).unwrap();
        fs::create_dir(at("full")).unwrap();
        (0..=KEYS_MAX).for_each(|n| write(&at(&format!("full/{n}")), 48, 0o600));
        write(&at("short"), 47, 0o600);
        write(&at("long"), 81, 0o600);
        for (name, says) in [
            ("empty", "holds 0 keys"),
            ("full", "holds 65 keys"),
            ("none", "No such file"),
            ("short", "has 47 bytes, a key of tickets has 48 or 80"),
            ("long", "larger than 80B"),
        ] {
            assert!(why(&at(name)).contains(says), "{}", why(&at(name)));
        }
    }
}
