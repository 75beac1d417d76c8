//! Certificate files -> what a handshake needs, with every mistake found before it goes live.

pub(crate) mod client_ca;
pub(crate) mod ticket_keys;
pub(crate) mod new_ticket_key;
pub(crate) mod prints;
pub(crate) mod expiry;

use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use config::model::{self, ByteSize, HostPattern};
use rustls::{
    crypto::ring::sign::any_supported_type,
    pki_types::{CertificateDer, DnsName, PrivateKeyDer, ServerName, pem::PemObject},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use thiserror::Error;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

use super::file;
use crate::listen::tls::certificates::{Certificate, Names};

/// Hundreds of certificates in one chain.
const PEM_MAX: ByteSize = ByteSize(1 << 20);

/// Why a certificate cannot be served.
#[derive(Debug, Error)]
pub(crate) enum CertificateError {
    /// The file is not there, or not ours to read.
    #[error("cannot read {path}")]
    Unreadable {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The file is there and is something else.
    #[error("{path} holds no PEM {what}")]
    NotPem { path: PathBuf, what: &'static str },
    /// The leaf cannot be parsed.
    #[error("{path} holds a certificate that cannot be parsed")]
    Malformed { path: PathBuf },
    /// The key is of a kind that cannot sign.
    #[error("{path} holds a key that cannot be used")]
    Key {
        path: PathBuf,
        #[source]
        cause: rustls::Error,
    },
    /// Chain and key are not a pair.
    #[error("the key in {key} does not belong to the certificate in {chain}")]
    Mismatch { chain: PathBuf, key: PathBuf },
    /// The configuration promises a name that the certificate does not hold.
    #[error("the certificate in {chain} is not valid for `{name}`")]
    Name { chain: PathBuf, name: String },
}

/// Reads one certificate and checks it against its key and its names.
pub(crate) fn load(model: &model::Certificate) -> Result<Certificate, CertificateError> {
    let pem = read(&model.chain)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    let leaf = chain.first().cloned();
    let leaf = leaf.ok_or(CertificateError::NotPem { path: model.chain.clone(), what: "certificate" })?;
    let key = PrivateKeyDer::from_pem_slice(&read(&model.key)?)
        .map_err(|_cause| CertificateError::NotPem { path: model.key.clone(), what: "private key" })?;
    let key = any_supported_type(&key).map_err(|cause| CertificateError::Key { path: model.key.clone(), cause })?;
    let malformed = || CertificateError::Malformed { path: model.chain.clone() };
    let parsed = ParsedCertificate::try_from(&leaf).map_err(|_cause| malformed())?;
    for name in &model.names {
        check_name(&parsed, name)
            .ok_or_else(|| CertificateError::Name { chain: model.chain.clone(), name: name.to_string() })?;
    }
    let (_, x509) = x509_parser::parse_x509_certificate(&leaf).map_err(|_cause| malformed())?;
    let covers = covered(&x509);
    let (begins_s, expires_s) = (x509.validity().not_before.timestamp(), x509.validity().not_after.timestamp());
    let key = CertifiedKey::new(chain, key);
    key.keys_match()
        .map_err(|_cause| CertificateError::Mismatch { chain: model.chain.clone(), key: model.key.clone() })?;
    Ok(Certificate { key: Arc::new(key), covers, begins_s, expires_s })
}

/// Whom clients take the holder of the certificate for (RFC 9525 s2: alternative names alone).
fn covered(leaf: &X509Certificate<'_>) -> Names {
    let mut names = Names::default();
    let alternative = leaf.subject_alternative_name().ok().flatten();
    for name in alternative.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(name) => names.add_dns(name),
            GeneralName::IPAddress(bytes) => {
                let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
                address.into_iter().for_each(|address| names.add_address(address));
            }
            _ => {}
        }
    }
    names
}

/// Whether the certificate holds a name; for a wildcard, any one label below the domain.
fn check_name(certificate: &ParsedCertificate<'_>, name: &HostPattern) -> Option<()> {
    let sample = match name {
        HostPattern::Exact(name) => name.trim_matches(['[', ']']).to_owned(),
        HostPattern::Wildcard(domain) => format!("any.{domain}"),
    };
    let name = match sample.parse::<IpAddr>() {
        Ok(address) => ServerName::IpAddress(address.into()),
        Err(_not_an_address) => ServerName::DnsName(DnsName::try_from(sample).ok()?),
    };
    rustls::client::verify_server_name(certificate, &name).ok()
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    file::read(path, PEM_MAX).map_err(|cause| CertificateError::Unreadable { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::dev_certificate;

    fn model(folder: &std::path::Path, name: &str) -> model::Certificate {
        let names = vec![HostPattern::Exact(name.to_owned())];
        model::Certificate { names, chain: folder.join("localhost.pem"), key: folder.join("localhost.key") }
    }

    fn message(result: Result<Certificate, CertificateError>) -> String {
        result.map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn a_good_pair_loads_and_each_mistake_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        dev_certificate::create(folder.path(), &names, crate::clock::wall()).unwrap();
        let good = model(folder.path(), "localhost");
        let now_s = crate::clock::wall().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(load(&good).unwrap().expires_s > i64::try_from(now_s).unwrap());
        assert!(load(&model(folder.path(), "127.0.0.1")).is_ok());
        let loaded = load(&model(folder.path(), "[::1]")).unwrap();
        assert!(["localhost", "127.0.0.1", "[::1]"].iter().all(|host| loaded.covers.cover(host)));
        assert!(message(load(&model(folder.path(), "other"))).contains("is not valid for `other`"));
        let missing = model::Certificate { chain: folder.path().join("none.pem"), ..good.clone() };
        assert!(message(load(&missing)).contains("cannot read"));
        let swapped = model::Certificate { chain: good.key.clone(), ..good.clone() };
        assert!(message(load(&swapped)).contains("holds no PEM certificate"));
        let other = model::Certificate { key: folder.path().join("ca.key"), ..good };
        assert!(message(load(&other)).contains("does not belong to the certificate"));
    }
}
