//! The digest that names a configuration.

use std::path::Path;

use config::Sources;
use sha2::{Digest, Sha256};

/// Bytes of the digest that are shown: enough to tell apart what anyone will ever write.
const SHOWN: usize = 8;

/// The first 16 digits of the SHA-256 of what is written. Text rather than meaning: it is the same on every machine and
/// with every release, and of a configuration in one file `sha256sum` tells it too. Included files follow, each behind
/// its name seen from the main file, and set apart by zero bytes, which no YAML holds.
pub(crate) fn digest(sources: &Sources) -> String {
    let mut hasher = Sha256::new();
    let mut folder = None;
    for (path, text) in sources.files() {
        match folder {
            None => folder = path.parent().or(Some(Path::new(""))),
            Some(folder) => {
                let name = path.strip_prefix(folder).unwrap_or(path);
                hasher.update([0]);
                hasher.update(name.as_os_str().as_encoded_bytes());
                hasher.update([0]);
            }
        }
        hasher.update(text);
    }
    hasher.finalize().iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn one_file_has_the_digest_that_everybody_knows() {
        let sources = Sources::with_main("abc".to_owned(), Path::new("edge.yaml")).unwrap();
        assert_eq!(digest(&sources), "ba7816bf8f01cfea"); // FIPS 180-2, appendix B.1
    }

    #[test]
    fn included_files_belong_to_it_wherever_the_folder_is() {
        let digest_of = |routes: &str, name: &str| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("edge.yaml"), "include: \"*_.yaml\"").unwrap();
            fs::write(folder.path().join(name), routes).unwrap();
            digest(&Sources::read(&folder.path().join("edge.yaml")).unwrap())
        };
        assert_eq!(digest_of("routes: []", "a_.yaml"), digest_of("routes: []", "a_.yaml"));
        assert_ne!(digest_of("routes: []", "a_.yaml"), digest_of("routes: [x]", "a_.yaml"));
        assert_ne!(digest_of("routes: []", "a_.yaml"), digest_of("routes: []", "b_.yaml"));
    }
}
