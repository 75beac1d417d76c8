//! Makes a new key of session tickets, and does away with the oldest.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};

use crate::listen::tls::tickets::KEY_LENGTHS;

const ENDING: &str = "key";

/// Writes a key into `folder`, under a name that is last in the alphabet because it begins with the time, and leaves the
/// newest `keep`. The group may read it, as an edge that runs under a user of its own has to. Returns the new file.
pub(crate) fn make(folder: &Path, keep: usize, now: SystemTime) -> Result<PathBuf> {
    let mut key = [0; KEY_LENGTHS[1]];
    SystemRandom::new().fill(&mut key).map_err(|_unspecified| anyhow!("the system has no random bytes"))?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let name = Timestamp::try_from(now)?.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
    // Under a name that no edge looks at until it is whole.
    let (half, whole) = (folder.join(format!(".{name}")), folder.join(format!("{name}.{ENDING}")));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&half);
    let written = written.and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()));
    written.and_then(|()| fs::rename(&half, &whole)).with_context(|| format!("cannot write {}", whole.display()))?;
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|ending| ending == ENDING) {
            keys.push(path);
        }
    }
    keys.sort();
    for old in &keys[..keys.len().saturating_sub(keep)] {
        fs::remove_file(old).with_context(|| format!("cannot remove {}", old.display()))?;
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::control::certs::ticket_keys;

    #[test]
    fn the_newest_keys_stay_and_can_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        fs::write(folder.path().join("README"), "").unwrap();
        let mut made = Vec::new();
        for hour in 0..5 {
            made.push(make(folder.path(), 3, now + Duration::from_secs(3600 * hour)).unwrap());
        }
        assert!(
            make(folder.path(), 3, now + Duration::from_secs(3600 * 4)).is_ok(),
            "within one second, the last stays"
        );
        fs::remove_file(folder.path().join("README")).unwrap();
        assert_eq!(ticket_keys::files(folder.path()).unwrap(), made[2..]);
        assert_eq!(ticket_keys::load(folder.path()).unwrap().len(), 3);
        assert_eq!(fs::read(&made[4]).unwrap().len(), 80);
        assert_ne!(fs::read(&made[4]).unwrap(), fs::read(&made[3]).unwrap());
    }
}
