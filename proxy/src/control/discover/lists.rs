//! Files that list endpoints, each watched by a task of its own.

use std::{
    collections::{BTreeSet, HashMap},
    convert::Infallible,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio_util::task::AbortOnDropHandle;

use super::{Discovery, read_list};
use crate::control::watch::Folders;

/// After the kernel refused to watch. The file is read as often then.
const RETRY: Duration = Duration::from_secs(10);

/// The files under watch.
#[derive(Default)]
pub(crate) struct Lists(HashMap<PathBuf, AbortOnDropHandle<()>>);

impl Lists {
    /// Watches the files that are wanted, and no others.
    pub(crate) fn follow(&mut self, discovery: &Arc<Discovery>) {
        let mut previous = std::mem::take(&mut self.0);
        for path in discovery.paths() {
            let task = previous.remove(&path);
            let task = task
                .unwrap_or_else(|| AbortOnDropHandle::new(tokio::spawn(watch(Arc::clone(discovery), path.clone()))));
            self.0.insert(path, task);
        }
    }
}

/// Watches a file for ever.
async fn watch(discovery: Arc<Discovery>, path: PathBuf) {
    loop {
        let Err(error) = follow(&discovery, &path).await;
        tracing::warn!(file = %path.display(), %error, "cannot watch a list of endpoints; reading it every {RETRY:?}");
        discovery.read(&path).await.inspect(|news| news.log_of_file(&path));
        tokio::time::sleep(RETRY).await;
    }
}

/// Folders may come and go, so each round watches anew and only then reads.
async fn follow(discovery: &Discovery, path: &Path) -> io::Result<Infallible> {
    let named = BTreeSet::from([path.to_owned()]);
    let named = move || named.clone();
    let mut folders = Folders::watch(named.clone()).await?;
    loop {
        folders = folders.watch_instead(named.clone()).await?;
        let file = path.to_owned();
        let read = folders.read_undisturbed(move || (read_list(&file), vec![file]));
        if let Some(list) = read.await? {
            discovery.listed(path, list).inspect(|news| news.log_of_file(path));
        }
        folders.settled_change().await?;
    }
}
