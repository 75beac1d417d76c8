//! Reload when a file of the configuration changes.

use std::{convert::Infallible, io, path::Path, sync::Arc, time::Duration};

use config::Sources;

mod decisive;
pub(crate) mod folders;

pub(crate) use self::folders::Folders;
use super::reload::{Reloader, Request};

/// After the kernel refused to watch.
const RETRY: Duration = Duration::from_secs(10);

/// Folders that decide what a configuration file and those that it includes hold, whether they are good or not: what is
/// live may be something else.
pub(crate) async fn folders_of(file: &Path) -> io::Result<Folders> {
    let file = file.to_owned();
    Folders::watch(move || config::watched(&file)).await
}

/// Watches for ever, beginning with these folders.
pub(crate) async fn watch(reloader: Arc<Reloader>, folders: Folders) {
    let mut folders = Ok(folders);
    loop {
        let following = async { follow(&reloader, folders?).await };
        let Err(error) = following.await;
        tracing::warn!(%error, "cannot watch the configuration's files; trying again in {RETRY:?}");
        tokio::time::sleep(RETRY).await;
        folders = folders_of(reloader.file()).await;
    }
}

/// A change may bring other files, and folders may come and go, so each round watches anew and only then looks whether
/// something changed meanwhile.
async fn follow(reloader: &Arc<Reloader>, mut folders: Folders) -> io::Result<Infallible> {
    loop {
        let (watched, read) = (reloader.file().to_owned(), reloader.file().to_owned());
        folders = folders.watch_instead(move || config::watched(&watched)).await?;
        let read = folders.read_undisturbed(move || {
            let sources = Sources::read(&read);
            let files = sources.iter().flat_map(Sources::files).map(|(path, _)| path.to_owned()).collect();
            (sources, files)
        });
        if let Some(sources) = read.await? {
            // What is refused has been logged, and the next change may mend it.
            reloader.reload(Request::Watch(sources)).await.ok();
        }
        folders.settled_change().await?;
    }
}
