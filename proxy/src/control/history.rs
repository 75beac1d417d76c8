//! The last configurations that went live, as they were written, for those who want one of them back.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use config::Sources;

/// How many are kept; the live one is the last of them.
const KEPT: usize = 10;

/// How a configuration came to be live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The edge was started with it.
    Boot,
    /// `SIGHUP`: the file was read again.
    Signal,
    /// The file changed.
    Watch,
    /// `POST /config`.
    Post,
    /// `POST /config/rollback`.
    Rollback,
}

impl Cause {
    /// All that happen while the edge runs.
    pub(crate) const RELOADS: [Self; 4] = [Self::Signal, Self::Watch, Self::Post, Self::Rollback];

    /// The name in metrics, logs and answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Signal => "signal",
            Self::Watch => "watch",
            Self::Post => "post",
            Self::Rollback => "rollback",
        }
    }

    /// Whether the file was read for it.
    pub(crate) fn reads_file(self) -> bool {
        matches!(self, Self::Boot | Self::Signal | Self::Watch)
    }
}

/// A configuration that went live.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Digest of the sources.
    pub(crate) hash: String,
    /// When.
    pub(crate) at: SystemTime,
    /// How.
    pub(crate) cause: Cause,
    /// What was written.
    pub(crate) sources: Sources,
}

/// The last configurations that went live; never empty.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// The oldest first.
    entries: VecDeque<Arc<Entry>>,
}

impl History {
    /// Begins with the configuration that the edge was started with.
    pub(crate) fn new(first: Entry) -> Self {
        Self { entries: VecDeque::from([Arc::new(first)]) }
    }

    /// The same with one more. The configuration that is live already is not noted again: a reload that only opens the
    /// log anew pushes nothing out.
    pub(crate) fn with(&self, entry: Entry) -> Self {
        let mut next = self.clone();
        if next.live().hash != entry.hash {
            next.entries.push_back(Arc::new(entry));
        }
        while next.entries.len() > KEPT {
            next.entries.pop_front();
        }
        next
    }

    /// What is live.
    pub(crate) fn live(&self) -> &Arc<Entry> {
        self.entries.back().expect("a history begins with an entry, and keeps the last")
    }

    /// All, the latest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter().rev()
    }

    /// What a rollback leads to: the last with this hash, or else the last that differs from what is live.
    pub(crate) fn rollback_to(&self, hash: Option<&str>) -> Option<&Arc<Entry>> {
        match hash {
            Some(hash) => self.iter().find(|entry| entry.hash == hash),
            None => self.iter().find(|entry| entry.hash != self.live().hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn entry(text: &str) -> Entry {
        let sources = Sources::with_main(text.to_owned(), Path::new("edge.yaml")).unwrap();
        Entry { hash: text.to_owned(), at: SystemTime::UNIX_EPOCH, cause: Cause::Signal, sources }
    }

    fn hashes(history: &History) -> String {
        history.iter().map(|entry| entry.hash.as_str()).collect()
    }

    #[test]
    fn the_last_ten_are_kept() {
        let all = ["b", "c", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
        let history = all.iter().fold(History::new(entry("a")), |history, text| history.with(entry(text)));
        assert_eq!(hashes(&history), "lkjihgfedc");
    }

    #[test]
    fn a_rollback_leads_to_another_configuration() {
        let history = History::new(entry("a"));
        assert!(history.rollback_to(None).is_none());
        let history = history.with(entry("b")).with(entry("c"));
        assert_eq!(history.rollback_to(None).map(|entry| entry.hash.as_str()), Some("b"));
        assert_eq!(history.rollback_to(Some("a")).map(|entry| entry.hash.as_str()), Some("a"));
        assert!(history.rollback_to(Some("z")).is_none());
        // Rolled back, another rollback undoes it.
        let history = history.with(entry("b"));
        assert_eq!(history.rollback_to(None).map(|entry| entry.hash.as_str()), Some("c"));
    }
}
