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

/// Mozilla's guidelines (and sslyze, which checks them) want less than 366 days.
const LEAF_DAYS: u32 = 365;
const AUTHORITY_DAYS: u32 = 3_650;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Writes `ca.pem`, `ca.key`, `localhost.pem` and `localhost.key` into `folder`, unless the ones there still hold for
/// at least a week and for these names. Returns whether anything was written.
pub(crate) fn create(folder: &Path, names: &[String], now: SystemTime) -> Result<bool> {
    if still_good(folder, names, now) {
        return Ok(false);
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut authority = params("Floodgate development authority", now, AUTHORITY_DAYS, Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // The authority is kept, so that browsers need to be told of it only once.
    let authority_key = match kept_authority(folder, now) {
        Some(key) => key,
        None => {
            let key = KeyPair::generate()?;
            write(folder, "ca.key", &key.serialize_pem(), 0o600)?;
            write(folder, "ca.pem", &authority.self_signed(&key)?.pem(), 0o644)?;
            key
        }
    };
    let issuer = Issuer::new(authority, &authority_key);

    let key = KeyPair::generate()?;
    let mut leaf = params("Floodgate development", now, LEAF_DAYS, names.to_vec())?;
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true; // strict clients insist (RFC 5280 s4.2.1.1)
    let certificate = leaf.signed_by(&key, &issuer)?;

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

/// The key of the authority that is there, if that outlives a new leaf.
fn kept_authority(folder: &Path, now: SystemTime) -> Option<KeyPair> {
    let model =
        config::model::Certificate { names: Vec::new(), chain: folder.join("ca.pem"), key: folder.join("ca.key") };
    let needed_s = (now + DAY * LEAF_DAYS).duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let lasts = super::certs::load(&model).is_ok_and(|ca| u64::try_from(ca.expires_s).is_ok_and(|s| s > needed_s));
    KeyPair::from_pem(&fs::read_to_string(model.key).ok()?).ok().filter(|_| lasts)
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
    use std::sync::Arc;

    use rustls::{
        RootCertStore,
        client::{WebPkiServerVerifier, danger::ServerCertVerifier},
        crypto::ring::default_provider,
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    };

    use super::*;

    #[test]
    fn what_still_holds_is_kept_and_what_does_not_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned()];
        let now = crate::clock::wall();
        assert!(create(folder.path(), &names, now).unwrap());
        assert!(!create(folder.path(), &names, now).unwrap());
        let authority = || fs::read(folder.path().join("ca.pem")).unwrap();
        let first = authority();
        assert!(create(folder.path(), &names, now + DAY * 363).unwrap(), "about to expire");
        assert!(create(folder.path(), &["127.0.0.1".to_owned()], now).unwrap(), "another name");
        assert_eq!(authority(), first, "the authority is kept");
        let chain = CertificateDer::from_pem_file(folder.path().join("localhost.pem")).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&first).unwrap()).unwrap();
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let time = UnixTime::since_unix_epoch(now.duration_since(SystemTime::UNIX_EPOCH).unwrap());
        assert!(verifier.build().unwrap().verify_server_cert(&chain, &[], &name, &[], time).is_ok());
        assert!(create(folder.path(), &names, now + DAY * 3_500).unwrap(), "the authority is about to expire");
        assert_ne!(authority(), first);
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(folder.path().join("ca.key")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
