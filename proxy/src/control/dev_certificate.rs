//! A certificate for trying things out on one's own machine, signed by a local authority that browsers can be told
//! to trust.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Browsers refuse leaves that are valid for longer than 398 days.
const LEAF_DAYS: u32 = 397;
const AUTHORITY_DAYS: u32 = 3_650;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes `ca.pem`, `ca.key`, `localhost.pem` and `localhost.key` into `folder`, unless the ones there still hold for
/// at least a week and for these names. Returns whether anything was written.
pub(crate) fn create(folder: &Path, names: &[String], now: SystemTime) -> Result<bool> {
    if still_good(folder, names, now) {
        return Ok(false);
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let authority_key = KeyPair::generate()?;
    let mut authority = params("Floodgate development authority", now, AUTHORITY_DAYS, Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, &authority_key);

    let key = KeyPair::generate()?;
    let mut leaf = params("Floodgate development", now, LEAF_DAYS, names.to_vec())?;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = leaf.signed_by(&key, &issuer)?;

    write(folder, "ca.key", &authority_key.serialize_pem(), 0o600)?;
    write(folder, "ca.pem", &authority_certificate.pem(), 0o644)?;
    write(folder, "localhost.key", &key.serialize_pem(), 0o600)?;
    write(folder, "localhost.pem", &certificate.pem(), 0o644)?;
    Ok(true)
}

fn params(name: &str, now: SystemTime, days: u32, names: Vec<String>) -> Result<CertificateParams> {
    let mut params = CertificateParams::new(names).context("a name cannot stand in a certificate")?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    // An hour back, so that a clock that is a little behind still accepts it.
    params.not_before = (now - Duration::from_secs(60 * 60)).into();
    params.not_after = (now + DAY * days).into();
    Ok(params)
}

/// Whether the files there can go on being used.
fn still_good(folder: &Path, names: &[String], now: SystemTime) -> bool {
    let names = names.iter().map(|name| config::model::HostPattern::Exact(name.clone())).collect();
    let model =
        config::model::Certificate { names, chain: folder.join("localhost.pem"), key: folder.join("localhost.key") };
    let in_a_week = (now + DAY * 7).duration_since(SystemTime::UNIX_EPOCH).map_or(u64::MAX, |time| time.as_secs());
    let loaded = super::certs::load(&model);
    folder.join("ca.pem").exists()
        && loaded.is_ok_and(|loaded| u64::try_from(loaded.expires_s).is_ok_and(|expires_s| expires_s > in_a_week))
}

/// Writes a file with its mode from the first byte on, so that a key is never readable by others.
fn write(folder: &Path, name: &str, text: &str, mode: u32) -> Result<()> {
    let path = folder.join(name);
    if path.exists() {
        fs::remove_file(&path).with_context(|| format!("cannot replace {}", path.display()))?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_still_holds_is_kept_and_what_does_not_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned()];
        let now = crate::clock::wall();
        assert!(create(folder.path(), &names, now).unwrap());
        assert!(!create(folder.path(), &names, now).unwrap());
        assert!(create(folder.path(), &names, now + DAY * 395).unwrap(), "about to expire");
        assert!(create(folder.path(), &["127.0.0.1".to_owned()], now).unwrap(), "another name");
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(folder.path().join("ca.key")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
