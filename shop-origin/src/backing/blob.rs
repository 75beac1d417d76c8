//! Pictures and other files, each named by its own content: the seam behind which a cluster's object store would stand.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

/// Hex digits of a name: 80 bits, out of reach of an accident.
const NAME_DIGITS: usize = 20;

/// Files below one folder, spread over up to 256 subfolders by the first two digits of their names.
#[derive(Clone)]
pub(crate) struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub(crate) fn open(folder: PathBuf) -> io::Result<Blobs> {
        fs::create_dir_all(&folder)?;
        Ok(Blobs { folder })
    }

    /// Keeps `content` and returns its name. A name that is there has its content in full: files are moved into place.
    pub(crate) fn keep(&self, content: &[u8]) -> io::Result<String> {
        let name = name(content);
        let path = self.path(&name).ok_or(io::ErrorKind::InvalidInput)?;
        if path.exists() {
            return Ok(name);
        }
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        fs::create_dir_all(folder)?;
        let unfinished = path.with_extension(format!("{}.part", std::process::id()));
        File::create(&unfinished)?.write_all(content)?;
        fs::rename(&unfinished, &path)?;
        Ok(name)
    }

    /// The content of `name`, or `None` when there is none or the name could not be one.
    pub(crate) async fn get(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(path) = self.path(name) else { return Ok(None) };
        match tokio::fs::read(path).await {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let well_formed = name.len() == NAME_DIGITS && name.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        well_formed.then(|| self.folder.join(&name[..2]).join(name))
    }
}

/// What `content` is called.
pub(crate) fn name(content: &[u8]) -> String {
    Sha256::digest(content).iter().take(NAME_DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn content_is_found_by_its_name_and_by_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("media")).unwrap();
        let name = blobs.keep(b"<svg/>").unwrap();
        assert_eq!(blobs.keep(b"<svg/>").unwrap(), name);
        assert_eq!(blobs.get(&name).await.unwrap().as_deref(), Some(b"<svg/>".as_slice()));
        for foreign in ["", "../../../../etc/pass", "00000000000000000000", &name.to_uppercase(), "é"] {
            assert_eq!(blobs.get(foreign).await.unwrap(), None, "{foreign}");
        }
    }
}
