//! Server name -> certificate, and what a TLS listener offers.

use std::{collections::HashMap, sync::Arc};

use config::model::{HostPattern, Protocol, Tls};
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// The certificates of one listener, by server name.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By the domain below the wildcard label.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    /// For clients that name no server: the first.
    default: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Adds a certificate; of two for one name, the first stays.
    pub(crate) fn insert(&mut self, names: &[HostPattern], certificate: &Arc<CertifiedKey>) {
        self.default.get_or_insert_with(|| Arc::clone(certificate));
        for name in names {
            let (names, name) = match name {
                HostPattern::Exact(name) => (&mut self.exact, name),
                HostPattern::Wildcard(domain) => (&mut self.wildcard, domain),
            };
            names.entry(name.clone()).or_insert_with(|| Arc::clone(certificate));
        }
    }

    /// Whether there are none: a plain listener.
    pub(crate) fn is_empty(&self) -> bool {
        self.default.is_none()
    }

    /// Whether a certificate is held for this host; IPv6 addresses come in brackets, as in a URL.
    pub(crate) fn serves(&self, host: &str) -> bool {
        self.find(host.trim_matches(['[', ']'])).is_some()
    }

    fn find(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let below_wildcard = || name.split_once('.').and_then(|(_, domain)| self.wildcard.get(domain));
        self.exact.get(name).or_else(below_wildcard)
    }
}

/// Finds the certificate of a handshake.
#[derive(Debug)]
struct Resolver(Arc<Certificates>);

impl ResolvesServerCert for Resolver {
    /// A name that no certificate covers gets none, and so a TLS alert rather than somebody else's certificate.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match hello.server_name() {
            Some(name) => self.0.find(&name.to_ascii_lowercase()).cloned(),
            None => self.0.default.clone(),
        }
    }
}

/// What a TLS listener offers: TLS 1.2 and 1.3, ALPN as configured, these certificates.
pub(crate) fn server_config(certificates: &Arc<Certificates>, tls: &Tls) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Resolver(Arc::clone(certificates))));
    config.alpn_protocols = tls
        .protocols
        .iter()
        .map(|protocol| match protocol {
            Protocol::H2 => b"h2".to_vec(),
            Protocol::Http1 => b"http/1.1".to_vec(),
        })
        .collect();
    config
}
