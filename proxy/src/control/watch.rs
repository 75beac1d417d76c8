//! Reload when a file of the configuration changes.
//!
//! Folders are watched rather than files: an editor or a deployment puts a new file in the old one's place, and a watch
//! on the old one would never hear of it. The kernel says that something happened; whether it matters is told by reading
//! the files again.

use std::{
    collections::BTreeSet,
    io,
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use tokio::{io::unix::AsyncFd, time::timeout};

use super::reload::{Reloader, Request};

/// After the last event; several files are seldom written at once, but shortly after each other.
const QUIET: Duration = Duration::from_millis(300);
/// After the first event, in a folder that is never quiet.
const QUIET_WAIT_MAX: Duration = Duration::from_secs(3);
/// After the kernel refused to watch.
const RETRY: Duration = Duration::from_secs(10);

/// Watches for ever. What a change brings may lie in other folders, and folders may come and go, so each round watches
/// anew and only then looks whether something changed meanwhile.
pub(crate) async fn watch(reloader: Arc<Reloader>) {
    loop {
        let changed = match Folders::watch(reloader.file()).await {
            Ok(folders) => {
                // What is refused has been logged, and the next change may mend it.
                reloader.reload(Request::Watch).await.ok();
                folders.settled_change().await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = changed {
            tracing::warn!(%error, "cannot watch the configuration's files; trying again in {RETRY:?}");
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Folders under watch.
pub(crate) struct Folders {
    inotify: AsyncFd<OwnedFd>,
}

impl Folders {
    /// Watches whatever decides what a configuration file and those that it includes hold, whether they are good or not:
    /// what is live may be something else. Finding that out may wait for a disk, so no worker does it.
    pub(crate) async fn watch(file: &Path) -> io::Result<Self> {
        let file = file.to_owned();
        let watch = move || {
            let mut paths = config::watched(&file);
            loop {
                let folders = Self::watch_now(&paths)?;
                // What was written before the watch began would not be heard of.
                let now = config::watched(&file);
                if now == paths {
                    return Ok(folders);
                }
                paths = now;
            }
        };
        tokio::task::spawn_blocking(watch).await.map_err(io::Error::other)?
    }

    fn watch_now(paths: &BTreeSet<PathBuf>) -> io::Result<Self> {
        let inotify = register(init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?)?;
        // Not `MODIFY`: a file that is still being written is no configuration yet, and a log beside it never rests.
        let events = WatchFlags::CLOSE_WRITE
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        for folder in paths.iter().flat_map(|path| deciding_folders(path)).collect::<BTreeSet<_>>() {
            add_watch(&inotify, &folder, events | WatchFlags::ONLYDIR)?;
        }
        Ok(Self { inotify })
    }

    /// Waits until something happened and nothing more happens.
    async fn settled_change(&self) -> io::Result<()> {
        self.change().await?;
        let settled = async {
            while let Ok(more) = timeout(QUIET, self.change()).await {
                more?;
            }
            Ok(())
        };
        timeout(QUIET_WAIT_MAX, settled).await.unwrap_or(Ok(()))
    }

    async fn change(&self) -> io::Result<()> {
        loop {
            let mut ready = self.inotify.readable().await?;
            if let Ok(result) = ready.try_io(|inotify| drain(inotify.get_ref())) {
                return result;
            }
        }
    }
}

#[expect(unsafe_code, reason = "tokio asks for a promise that the type gives")]
fn register(inotify: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open descriptor for as long as it lives.
    Ok(unsafe { AsyncFd::register(inotify) }?)
}

/// Takes what the kernel has to say; `WouldBlock` if that is nothing.
fn drain(inotify: &OwnedFd) -> io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = Reader::new(inotify, &mut buffer);
    events.next()?;
    while events.next().is_ok() {}
    Ok(())
}

/// The folder of the file; where a symbolic link is on the way, the folder in which the link stands, because replacing
/// it (as Kubernetes does for all files of a volume at once) replaces the file; and where the links lead to. For a folder
/// that is not there, the one in which it would appear.
fn deciding_folders(file: &Path) -> BTreeSet<PathBuf> {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let links = file.ancestors().filter(|path| path.is_symlink());
    let target = file.canonicalize().ok();
    let decisive = links.chain([file.as_path()]).chain(target.as_deref());
    let folders = decisive.filter_map(|path| path.ancestors().skip(1).find(|folder| folder.is_dir()));
    folders.map(Path::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn every_folder_on_the_way_to_the_file_is_decisive() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let at = |path: &str| root.join(path);
        for folder in ["v1", "v2", "volume", "etc"] {
            fs::create_dir(at(folder)).unwrap();
        }
        fs::write(at("v1/edge.yaml"), "").unwrap();
        symlink("../v1", at("volume/..data")).unwrap();
        symlink("..data/edge.yaml", at("volume/edge.yaml")).unwrap();
        symlink(at("volume"), at("etc/floodgate")).unwrap();

        let folders = |path: &str| deciding_folders(&at(path)).into_iter().collect::<Vec<_>>();
        assert_eq!(folders("v1/edge.yaml"), [at("v1")]);
        assert_eq!(folders("volume/edge.yaml"), [at("v1"), at("volume")]);
        assert_eq!(folders("etc/floodgate/edge.yaml"), [at("etc"), at("etc/floodgate"), at("v1")]);
        assert_eq!(folders("not/there/edge.yaml"), [root.as_path()]);
    }

    #[tokio::test]
    async fn a_burst_of_writes_is_one_change() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("edge.yaml");
        let folders = Folders::watch(&file).await.unwrap();
        for _ in 0..50 {
            fs::write(&file, "x").unwrap();
        }
        folders.settled_change().await.unwrap();
        assert!(timeout(Duration::from_millis(50), folders.change()).await.is_err(), "all of it was taken");
        fs::rename(&file, root.path().join("other.yaml")).unwrap();
        folders.settled_change().await.unwrap();
    }
}
