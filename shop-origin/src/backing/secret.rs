//! Secrets: random tokens, and one key file per state folder that is created once and read by its owner alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const KEY_BYTES: usize = 32;

/// `bytes` random bytes from the operating system's generator, in hex.
pub(crate) fn token<const BYTES: usize>() -> String {
    hex(&rand::random::<[u8; BYTES]>())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A key that this shop and its payment provider share. Each purpose has a key derived from it.
#[derive(Clone)]
pub(crate) struct SharedKey([u8; KEY_BYTES]);

impl SharedKey {
    /// Reads the key from `path`, or creates it there with mode 0600. Of processes that create it at the same time one
    /// wins, and all read its key.
    pub(crate) fn read_or_create(path: &Path) -> Result<SharedKey, anyhow::Error> {
        if !path.exists() {
            create(path).with_context(|| format!("cannot create the key file {}", path.display()))?;
        }
        let digits =
            fs::read_to_string(path).with_context(|| format!("cannot read the key file {}", path.display()))?;
        parse(digits.trim()).with_context(|| {
            format!("{} does not hold a key of 64 hex digits; hint: remove it, a new one is made", path.display())
        })
    }

    /// An authenticator for one purpose; tags of one purpose are worth nothing for another.
    pub(crate) fn hmac(&self, purpose: &str) -> Hmac<Sha256> {
        let mut derive = Hmac::<Sha256>::new_from_slice(&self.0).expect("hmac takes a key of any length");
        derive.update(purpose.as_bytes());
        Hmac::new_from_slice(&derive.finalize().into_bytes()).expect("hmac takes a key of any length")
    }

    #[cfg(test)]
    pub(crate) fn of(byte: u8) -> SharedKey {
        SharedKey([byte; KEY_BYTES])
    }
}

fn create(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_extension(format!("{}.part", token::<8>()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{}", token::<KEY_BYTES>())?;
    file.sync_all()?;
    // A link, unlike a rename, does not replace what another process has put there meanwhile.
    let linked = fs::hard_link(&unfinished, path);
    fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn parse(digits: &str) -> Option<SharedKey> {
    let mut key = [0; KEY_BYTES];
    if digits.len() != KEY_BYTES * 2 || !digits.is_ascii() {
        return None;
    }
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    Some(SharedKey(key))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_file_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop").join("pay.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..8).map(|_| scope.spawn(|| SharedKey::read_or_create(&path).unwrap().0)).collect();
            readers.into_iter().map(|reader| reader.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing unfinished is left behind");
    }

    #[test]
    fn a_spoilt_key_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pay.key");
        fs::write(&path, "not a key").unwrap();
        let message = SharedKey::read_or_create(&path).err().unwrap().to_string();
        assert!(message.ends_with("hint: remove it, a new one is made"), "{message}");
    }
}
