//! Files for TLS towards endpoints -> what a connection and a health check need, with every mistake found before it
//! goes live.

use std::{path::Path, sync::Arc};

use config::model::{self, ByteSize, ClientCertificate, Protocol, UpstreamTls};
use pingora::{
    tls::load_platform_certs_incl_env_into_store,
    utils::tls::{CertKey, WrappedX509, parse_x509},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    certs::{self, CertificateError, client_ca},
    file,
};
use crate::{listen::tls::certificates::Certificate, request::balance::peer::Tls};

/// More than the authorities that a system trusts.
const PEM_MAX: ByteSize = ByteSize(1 << 20);

/// Why TLS cannot be spoken to the endpoints of a pool.
#[derive(Debug, Error)]
pub(crate) enum UpstreamTlsError {
    /// It is no name that a certificate could hold.
    #[error("`{name}` is neither a DNS name nor an IP address")]
    ServerName { name: String },
    /// The authorities cannot be read.
    #[error(transparent)]
    Authorities(CertificateError),
    /// The authorities of the system cannot be read.
    #[error("the authorities that this system trusts cannot be read; hint: name your own with `ca`")]
    System,
    /// What the edge shows of itself cannot be shown.
    #[error(transparent)]
    Certificate(CertificateError),
}

/// What a pool needs to speak TLS.
pub(crate) struct LoadedTls {
    pub(crate) tls: Tls,
    /// What the edge shows of itself.
    pub(crate) shown: Option<Certificate>,
}

/// Reads what a pool needs to speak TLS.
pub(crate) fn load(model: &UpstreamTls, protocol: Protocol) -> Result<LoadedTls, UpstreamTlsError> {
    let server_name = ServerName::try_from(model.server_name.clone())
        .map_err(|_invalid| UpstreamTlsError::ServerName { name: model.server_name.clone() })?;
    let authorities = model.ca.as_deref().map(authorities).transpose()?;
    let shown = model.certificate.as_ref().map(certificate).transpose()?;
    let mut identity = Sha256::new();
    let key = shown.as_ref().map(|(_, key)| key.secret_der());
    let chain = shown.iter().flat_map(|(loaded, _)| &loaded.key.cert);
    for part in authorities.iter().flatten().chain(chain).map(AsRef::as_ref).chain(key) {
        identity.update(part.len().to_le_bytes());
        identity.update(part);
    }
    let identity = identity.finalize().first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk));
    let of_checks = checks(authorities.as_deref(), shown.as_ref().map(|(loaded, _)| &loaded.key), protocol)?;
    let ca = authorities
        .map(|all| all.iter().map(|der| WrappedX509::new(der.to_vec(), parse_x509)).collect::<Vec<_>>().into());
    let certificate = shown.as_ref().map(|(loaded, key)| {
        let chain = loaded.key.cert.iter().map(|der| der.to_vec()).collect();
        Arc::new(CertKey::new(chain, key.secret_der().to_vec()))
    });
    let tls = Tls { server_name, ca, certificate, identity, of_checks: Arc::new(of_checks) };
    Ok(LoadedTls { tls, shown: shown.map(|(loaded, _)| loaded) })
}

/// The authorities in a file, each of which can be trusted.
fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, UpstreamTlsError> {
    let all = client_ca::load(path).map_err(UpstreamTlsError::Authorities)?;
    let malformed = || UpstreamTlsError::Authorities(CertificateError::Malformed { path: path.to_owned() });
    if all.iter().all(parses) { Ok(all) } else { Err(malformed()) }
}

/// Chain and key of what the edge shows of itself.
fn certificate(model: &ClientCertificate) -> Result<(Certificate, PrivateKeyDer<'static>), UpstreamTlsError> {
    let loaded = certs::load(&pair(model)).map_err(UpstreamTlsError::Certificate)?;
    if !loaded.key.cert.iter().all(parses) {
        let path = model.chain.clone();
        return Err(UpstreamTlsError::Certificate(CertificateError::Malformed { path }));
    }
    let unreadable = |cause| CertificateError::Unreadable { path: model.key.clone(), cause };
    let pem = file::read(&model.key, PEM_MAX).map_err(|cause| UpstreamTlsError::Certificate(unreadable(cause)))?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_not_pem| {
        UpstreamTlsError::Certificate(CertificateError::NotPem { path: model.key.clone(), what: "private key" })
    })?;
    Ok((loaded, key))
}

/// The same as a server's certificate that need hold no name.
fn pair(ClientCertificate { chain, key }: &ClientCertificate) -> model::Certificate {
    model::Certificate { names: Vec::new(), chain: chain.clone(), key: key.clone() }
}

/// Pingora takes for granted that it can parse what it is given.
fn parses(der: &CertificateDer<'_>) -> bool {
    x509_parser::parse_x509_certificate(der).is_ok()
}

/// How a health check speaks TLS: to the same servers, as the same client.
fn checks(
    authorities: Option<&[CertificateDer<'static>]>,
    shown: Option<&Arc<CertifiedKey>>,
    protocol: Protocol,
) -> Result<ClientConfig, UpstreamTlsError> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(all) => {
            roots.add_parsable_certificates(all.iter().cloned());
        }
        None => load_platform_certs_incl_env_into_store(&mut roots).map_err(|_error| UpstreamTlsError::System)?,
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("ring speaks both")
        .with_root_certificates(roots);
    let mut config = match shown {
        Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(key)))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![protocol.to_string().into_bytes()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::dev_certificate;

    #[test]
    fn good_files_load_and_each_mistake_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        dev_certificate::create(folder.path(), &["localhost".to_owned()], crate::clock::wall()).unwrap();
        std::fs::write(at("garbage.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let own = ClientCertificate { chain: at("localhost.pem"), key: at("localhost.key") };
        let good =
            UpstreamTls { server_name: "localhost".to_owned(), ca: Some(at("ca.pem")), certificate: Some(own.clone()) };
        let LoadedTls { tls: loaded, shown } = load(&good, Protocol::H2).unwrap();
        assert!(shown.is_some());
        assert_eq!(loaded.of_checks.alpn_protocols, [b"h2"]);
        assert!(load(&UpstreamTls { server_name: "::1".to_owned(), ..good.clone() }, Protocol::H2).is_ok());
        let other = UpstreamTls { certificate: None, ..good.clone() };
        assert_ne!(load(&other, Protocol::H2).unwrap().tls.identity, loaded.identity, "no connection is shared");
        let foreign_key = ClientCertificate { key: at("ca.key"), ..own };
        for (wrong, expected) in [
            (
                UpstreamTls { server_name: "1.2.3".to_owned(), ..good.clone() },
                "is neither a DNS name nor an IP address",
            ),
            (UpstreamTls { ca: Some(at("none.pem")), ..good.clone() }, "cannot read"),
            (UpstreamTls { ca: Some(at("ca.key")), ..good.clone() }, "holds no PEM certificate"),
            (UpstreamTls { ca: Some(at("garbage.pem")), ..good.clone() }, "cannot be parsed"),
            (UpstreamTls { certificate: Some(foreign_key), ..good.clone() }, "does not belong to the certificate"),
        ] {
            let error = load(&wrong, Protocol::Http1).map(|_| ()).unwrap_err();
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            assert!(format!("{error}: {cause}").contains(expected), "{error}: {cause}");
        }
    }
}
