//! What files look like from outside: enough to see that one has been replaced, without reading it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use config::model::{Listener, Tls};

use super::ticket_keys;

/// Files by their paths; `None` where there is none that can be looked at. Links are followed, so that replacing one on
/// the way, as Kubernetes and certbot do, is seen like replacing the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prints(BTreeMap<PathBuf, Option<Print>>);

/// A file that was changed in any way has another one: writing, renaming or changing the mode sets `ctime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    device: u64,
    inode: u64,
    length: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
}

impl Prints {
    /// Of everything that handshakes depend on, the files of folders included.
    pub(crate) fn of(listeners: &[Listener]) -> Self {
        let mut prints = Self::default();
        for path in listeners.iter().filter_map(|listener| listener.tls.as_ref()).flat_map(Tls::paths) {
            prints.take(path);
            for file in ticket_keys::files(path).unwrap_or_default() {
                prints.take(&file);
            }
        }
        prints
    }

    /// Of one file.
    #[cfg(test)]
    pub(crate) fn of_file(path: &Path) -> Self {
        Self(BTreeMap::from([(path.to_owned(), print(path))]))
    }

    fn take(&mut self, path: &Path) {
        if !self.0.contains_key(path) {
            self.0.insert(path.to_owned(), print(path));
        }
    }
}

fn print(path: &Path) -> Option<Print> {
    let found = fs::metadata(path).ok()?;
    Some(Print {
        device: found.dev(),
        inode: found.ino(),
        length: found.len(),
        mtime: (found.mtime(), found.mtime_nsec()),
        ctime: (found.ctime(), found.ctime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn whatever_replaces_a_file_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in ["v1", "v2", "tickets"] {
            fs::create_dir(at(folder)).unwrap();
            fs::write(at(folder).join("a.pem"), "same").unwrap();
        }
        symlink("v1", at("..data")).unwrap();
        symlink("..data/a.pem", at("a.pem")).unwrap();
        let seen = || {
            let mut prints = Prints::default();
            prints.take(&at("a.pem"));
            prints.take(&at("tickets"));
            ticket_keys::files(&at("tickets")).unwrap().iter().for_each(|file| prints.take(file));
            prints
        };
        let mut before = seen();
        assert_eq!(seen(), before);
        let mut changed = |what: &str| {
            let now = seen();
            assert_ne!(std::mem::replace(&mut before, now.clone()), now, "{what}");
        };
        fs::write(at("v1/a.pem"), "longer").unwrap();
        changed("written to");
        symlink("v2", at("new")).unwrap();
        fs::rename(at("new"), at("..data")).unwrap();
        changed("a link on the way is another");
        fs::write(at("v2/b.pem"), "same").unwrap();
        fs::rename(at("v2/b.pem"), at("v2/a.pem")).unwrap();
        changed("renamed into its place");
        fs::write(at("tickets/b.key"), "key").unwrap();
        changed("one more in a folder");
        fs::remove_file(at("v2/a.pem")).unwrap();
        changed("gone");
    }
}
