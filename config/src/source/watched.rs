//! Which paths decide what a configuration means, be it good or not.

use std::{collections::BTreeSet, path::Path, path::PathBuf};

use super::{Gathering, text};

/// Every path where a change may change what a configuration file means: its own, those of the files that it includes,
/// and those of its patterns, where others may appear. As far as the files can be read at present; what is wrong with
/// them does not matter.
pub fn watched(path: &Path) -> BTreeSet<PathBuf> {
    let mut paths = text::read(path).map(|text| Gathering::of(path, text).sought).unwrap_or_default();
    paths.insert(path.to_owned());
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_wrong_is_watched_too() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("routes")).unwrap();
        std::fs::write(at("edge.yaml"), "version: 9\ninclude: [routes/*.yaml, gone.yaml, none/*.yaml]\n").unwrap();
        std::fs::write(at("routes/a.yaml"), "include: b.yaml\nroutes: half").unwrap();
        std::fs::write(at("routes/b.yaml"), "routes: [").unwrap();
        let names =
            ["edge.yaml", "gone.yaml", "none/*.yaml", "routes/*.yaml", "routes/a.yaml", "routes/b.yaml"].map(at);
        assert_eq!(watched(&at("edge.yaml")), BTreeSet::from(names));
        assert_eq!(watched(&at("no.yaml")), BTreeSet::from([at("no.yaml")]));
    }
}
