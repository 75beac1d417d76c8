//! TLS of a listener.

use std::{fmt, path::PathBuf, time::Duration};

use super::HostPattern;

/// What a TLS listener offers in the handshake, and asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// By server name, at least one; the first also serves clients that name none.
    pub certificates: Vec<Certificate>,
    /// HTTP versions offered by ALPN, most wanted first, at least one.
    pub protocols: Vec<Protocol>,
    /// The oldest version spoken.
    pub min_version: TlsVersion,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// Whether clients are asked for a certificate.
    pub client_certificates: ClientAuth,
    /// PEM file with those who sign clients' certificates; `Some` where clients are asked.
    pub client_ca: Option<PathBuf>,
    /// File or folder of the keys of session tickets; `None` has the edge make its own.
    pub ticket_keys: Option<PathBuf>,
}

impl Tls {
    /// Every path that a handshake depends on.
    pub fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let certificates = self.certificates.iter().flat_map(|certificate| [&certificate.chain, &certificate.key]);
        certificates.chain(&self.client_ca).chain(&self.ticket_keys)
    }
}

/// One certificate chain, its key, and the names it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Exact names (`shop.example.com`) and wildcards (`*.example.com`).
    pub names: Vec<HostPattern>,
    /// PEM file, leaf first.
    pub chain: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// An HTTP version as ALPN names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `h2`
    H2,
    /// `http/1.1`
    Http1,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H2 => "h2",
            Self::Http1 => "http/1.1",
        })
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246.
    V1_2,
    /// RFC 8446.
    V1_3,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        })
    }
}

/// Whether clients are asked for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// No.
    None,
    /// They are; one who has none comes in all the same.
    Optional,
    /// They are; one who has none does not come in.
    Required,
}

impl fmt::Display for ClientAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Optional => "optional",
            Self::Required => "required",
        })
    }
}
