//! Folders under watch: who reads files hears when one of them has changed, and never reads half of one.
//!
//! Folders are watched rather than files: an editor or a deployment puts a new file in the old one's place, and a watch
//! on the old one would never hear of it. The kernel says that something happened; whether it matters is told by reading
//! the files again. Half a file is often a valid one, so none is read before whoever writes it has closed it.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsStr,
    io,
    mem::MaybeUninit,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{
    fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch},
    io::Errno,
};
use tokio::{io::unix::AsyncFd, task::spawn_blocking, time::timeout};

use super::decisive::decisive_paths;

/// After the last event; several files are seldom written at once, but shortly after each other.
const QUIET: Duration = Duration::from_millis(300);
/// After the first event, in a folder that is never quiet.
const QUIET_WAIT_MAX: Duration = Duration::from_secs(3);

/// What is told of a folder. Not `MODIFY`: a log beside the configuration never rests.
const IN_FOLDER: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);
/// What is told of a file that is read.
const OF_FILE: WatchFlags = WatchFlags::MODIFY.union(WatchFlags::CLOSE_WRITE);

/// Folders under watch.
pub(crate) struct Folders {
    inotify: AsyncFd<OwnedFd>,
    /// Folders and files, by the number that the kernel gives them.
    watched: HashMap<i32, PathBuf>,
    /// What decides what the files hold.
    decisive: BTreeSet<PathBuf>,
    seen: Seen,
}

/// What the kernel told. Folders are known by their true names, as in `decisive`.
#[derive(Default)]
struct Seen {
    /// Since changes last settled.
    changed: BTreeSet<PathBuf>,
    /// Written to, and not closed since.
    unfinished: BTreeSet<PathBuf>,
}

impl Folders {
    /// Watches whatever decides what the files hold that `paths` names, whether they are good or not, or there at all.
    pub(crate) async fn watch(paths: impl Fn() -> BTreeSet<PathBuf> + Send + 'static) -> io::Result<Self> {
        let inotify = register(init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?)?;
        let nothing = Self { inotify, watched: HashMap::new(), decisive: BTreeSet::new(), seen: Seen::default() };
        nothing.watch_instead(paths).await
    }

    /// Watches what decides now, and no longer what decided before. Finding that out may wait for a disk, so no worker
    /// does it.
    pub(crate) async fn watch_instead(
        mut self,
        paths: impl Fn() -> BTreeSet<PathBuf> + Send + 'static,
    ) -> io::Result<Self> {
        let watching = spawn_blocking(move || {
            let mut named = paths();
            loop {
                self.decisive = named.iter().flat_map(|path| decisive_paths(path)).collect();
                self.watch_decisive()?;
                // What was written before the watch began would not be heard of.
                let now = paths();
                if now == named {
                    return Ok(self);
                }
                named = now;
            }
        });
        watching.await.map_err(io::Error::other)?
    }

    fn watch_decisive(&mut self) -> io::Result<()> {
        let mut watched = HashMap::new();
        for path in &self.decisive {
            if let Some(folder) = folder(path) {
                watched.insert(add_watch(&self.inotify, folder, IN_FOLDER)?, folder.to_owned());
            }
            if !path.is_file() || path.is_symlink() {
                continue;
            }
            let number = match add_watch(&self.inotify, path, OF_FILE) {
                Ok(number) => number,
                // That it went, or may not be read, is for those to say who read it.
                Err(Errno::NOENT | Errno::ACCESS) => continue,
                Err(error) => return Err(error.into()),
            };
            watched.insert(number, path.clone());
        }
        for gone in self.watched.keys().filter(|number| !watched.contains_key(number)) {
            remove_watch(&self.inotify, *gone).ok(); // the kernel forgets by itself what was deleted
        }
        self.watched = watched;
        Ok(())
    }

    /// What `read` returns, which names the files that it read beside it. `None` if one of them is being written or was
    /// replaced meanwhile; then another change settles later.
    pub(crate) async fn read_undisturbed<T: Send + 'static>(
        &mut self,
        read: impl FnOnce() -> (T, Vec<PathBuf>) + Send + 'static,
    ) -> io::Result<Option<T>> {
        let reading = spawn_blocking(move || {
            let (read, files) = read();
            (read, files.iter().flat_map(|path| decisive_paths(path)).collect::<BTreeSet<_>>())
        });
        let (read, decisive) = reading.await.map_err(io::Error::other)?;
        match self.seen.take(self.inotify.get_ref(), &self.watched) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        let mut own = self.decisive.union(&decisive);
        if let Some(path) = own.clone().find(|path| self.seen.unfinished.contains(*path)) {
            tracing::info!(file = %path.display(), "still being written; it is read again when it is closed");
            return Ok(None);
        }
        Ok((!own.any(|path| self.seen.changed.contains(path))).then_some(read))
    }

    /// Waits until something changed and nothing more happens.
    pub(crate) async fn settled_change(&mut self) -> io::Result<()> {
        while self.seen.changed.is_empty() {
            self.event().await?;
        }
        let settled = async {
            while let Ok(more) = timeout(QUIET, self.event()).await {
                more?;
            }
            Ok(())
        };
        let settled = timeout(QUIET_WAIT_MAX, settled).await.unwrap_or(Ok(()));
        self.seen.changed.clear();
        settled
    }

    async fn event(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.inotify.readable().await?;
            if let Ok(result) = ready.try_io(|inotify| self.seen.take(inotify.get_ref(), &self.watched)) {
                return result;
            }
        }
    }
}

impl Seen {
    /// Takes what the kernel has to say; `WouldBlock` if that is nothing.
    fn take(&mut self, inotify: &OwnedFd, watched: &HashMap<i32, PathBuf>) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = Reader::new(inotify, &mut buffer);
        let mut event = events.next()?;
        loop {
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                // Whatever was lost: look again, and wait for nobody whose end may be among it.
                self.changed.extend(watched.values().cloned());
                self.unfinished.clear();
            } else if let Some(path) = watched.get(&event.wd()) {
                let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                self.note(name.map_or_else(|| path.clone(), |name| path.join(name)), event.events());
            }
            match events.next() {
                Ok(next) => event = next,
                Err(_none_left) => return Ok(()),
            }
        }
    }

    fn note(&mut self, path: PathBuf, event: ReadFlags) {
        if event.contains(ReadFlags::IGNORED) {
            return; // the end of a watch
        }
        if event.contains(ReadFlags::MODIFY) {
            self.unfinished.insert(path);
            return; // closing it is the change
        }
        if event.contains(ReadFlags::CREATE) && was_opened_to_be_written(&path) {
            self.unfinished.insert(path.clone());
        } else {
            self.unfinished.remove(&path);
        }
        self.changed.insert(path);
    }
}

/// Of something new: a file that was linked in, or a link, is complete, and will never be closed.
fn was_opened_to_be_written(new: &Path) -> bool {
    new.symlink_metadata().is_ok_and(|found| found.is_file() && found.nlink() == 1)
}

#[expect(unsafe_code, reason = "tokio asks for a promise that the type gives")]
fn register(inotify: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it lives.
    Ok(unsafe { AsyncFd::register(inotify) }?)
}

/// The folder in which the path stands; while that is not there, the one in which it would appear.
fn folder(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).find(|folder| folder.is_dir())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_burst_of_writes_is_one_change() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("edge.yaml");
        let named = BTreeSet::from([file.clone()]);
        let mut folders = Folders::watch(move || named.clone()).await.unwrap();
        for _ in 0..50 {
            fs::write(&file, "x").unwrap();
        }
        folders.settled_change().await.unwrap();
        assert!(timeout(Duration::from_millis(50), folders.event()).await.is_err(), "all of it was taken");
        fs::rename(&file, root.path().join("other.yaml")).unwrap();
        folders.settled_change().await.unwrap();
    }
}
