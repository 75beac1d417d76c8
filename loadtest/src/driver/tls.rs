//! Whom to trust, and which protocols to offer.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// Where the demo's own authority writes its certificate, seen from the repository's root.
const LOCAL_CA: &str = "state/tls/ca.pem";

/// How to speak TLS to the target.
#[derive(Clone)]
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    pub(super) server: ServerName<'static>,
}

/// Why no TLS can be spoken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// Neither told nor found.
    #[error(
        "there is no {LOCAL_CA} here to trust; hint: pass --ca FILE, a PEM file with the target's authority \
         (for the public ones: /etc/ssl/certs/ca-certificates.crt)"
    )]
    NoAuthority,
    /// The file cannot be read as PEM.
    #[error("authority file {} cannot be read", file.display())]
    Unreadable { file: PathBuf, source: pem::Error },
    /// The file holds no certificate.
    #[error("authority file {} holds no certificate", .0.display())]
    Empty(PathBuf),
    /// A certificate in the file is none.
    #[error("authority file {} holds a broken certificate", file.display())]
    Broken { file: PathBuf, source: rustls::Error },
    /// The target's host cannot stand in a certificate.
    #[error("host \"{host}\" cannot be named in TLS")]
    Host { host: String, source: InvalidDnsNameError },
    /// The library refuses what we ask of it.
    #[error("tls cannot be set up")]
    Setup(#[source] rustls::Error),
}

impl Tls {
    /// Trusts the authorities in `ca`, or else the demo's own; offers `protocols`. Verification is never switched off.
    pub(super) fn new(host: &str, ca: Option<&Path>, protocols: &[&[u8]]) -> Result<Tls, TlsError> {
        let file = match ca {
            Some(file) => file,
            None if Path::new(LOCAL_CA).exists() => Path::new(LOCAL_CA),
            None => return Err(TlsError::NoAuthority),
        };
        let server =
            ServerName::try_from(host.to_owned()).map_err(|source| TlsError::Host { host: host.to_owned(), source })?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_root_certificates(roots(file)?)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)), server })
    }
}

fn roots(file: &Path) -> Result<RootCertStore, TlsError> {
    let unreadable = |source| TlsError::Unreadable { file: file.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(unreadable)? {
        let certificate = certificate.map_err(unreadable)?;
        roots.add(certificate).map_err(|source| TlsError::Broken { file: file.to_owned(), source })?;
    }
    if roots.is_empty() { Err(TlsError::Empty(file.to_owned())) } else { Ok(roots) }
}

/// A failed handshake, with what to do about the usual reason: another authority, or a new one of the same name.
pub(super) fn explain(error: &io::Error) -> String {
    let untrusted = error.get_ref().and_then(|inner| inner.downcast_ref()).is_some_and(|error| {
        use rustls::CertificateError::{BadSignature, UnknownIssuer};
        matches!(error, rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature))
    });
    let hint = if untrusted { "; hint: pass the target's own authority with --ca FILE" } else { "" };
    format!("{error}{hint}")
}
