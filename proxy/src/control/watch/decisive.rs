//! The paths that decide what a file holds: the file, and each symbolic link on the way to it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Component, Path, PathBuf},
};

/// As many as Linux follows (`MAXSYMLINKS`, path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Each link that is met on the way, links of links included, because replacing it (as Kubernetes does for all files of
/// a volume at once) replaces the file; and where the way ends. No link leads to the folders that these stand in.
pub(super) fn decisive_paths(file: &Path) -> BTreeSet<PathBuf> {
    let mut decisive = BTreeSet::new();
    let mut followed = 0;
    let mut reached = PathBuf::new();
    let mut ahead = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    loop {
        let mut components = ahead.components();
        match components.next() {
            None => break,
            Some(Component::ParentDir) => {
                reached.pop();
            }
            Some(component) => reached.push(component),
        }
        let after = components.as_path().to_owned();
        ahead = match fs::read_link(&reached) {
            Ok(target) if followed < LINKS_MAX => {
                followed += 1;
                decisive.insert(reached.clone());
                reached.pop();
                target.join(after)
            }
            _ => after,
        };
    }
    decisive.insert(reached);
    decisive
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn every_link_on_the_way_is_decisive() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        let at = |path: &str| root.join(path);
        for folder in ["v1", "volume", "etc", "app"] {
            fs::create_dir(at(folder)).unwrap();
        }
        fs::write(at("v1/edge.yaml"), "").unwrap();
        symlink("../v1", at("volume/..data")).unwrap();
        symlink("..data/edge.yaml", at("volume/edge.yaml")).unwrap();
        symlink(at("volume"), at("etc/floodgate")).unwrap();
        symlink("../v1", at("app/current")).unwrap();
        symlink("../app/current/edge.yaml", at("etc/edge.yaml")).unwrap();
        symlink("round", at("etc/round")).unwrap();

        let decisive = |path: &str| decisive_paths(&at(path)).into_iter().collect::<Vec<_>>();
        assert_eq!(decisive("v1/edge.yaml"), [at("v1/edge.yaml")]);
        assert_eq!(decisive("v1/../v1/edge.yaml"), [at("v1/edge.yaml")]);
        let volume = ["v1/edge.yaml", "volume/..data", "volume/edge.yaml"].map(at);
        assert_eq!(decisive("volume/edge.yaml"), volume);
        assert_eq!(decisive("etc/floodgate/edge.yaml"), [&[at("etc/floodgate")], &volume[..]].concat());
        assert_eq!(decisive("etc/edge.yaml"), ["app/current", "etc/edge.yaml", "v1/edge.yaml"].map(at));
        assert_eq!(decisive("not/there/edge.yaml"), [at("not/there/edge.yaml")]);
        assert_eq!(decisive("etc/round"), [at("etc/round")]);
    }
}
