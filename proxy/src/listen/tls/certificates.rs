//! Certificates, and which of them a handshake gets.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use config::model::HostPattern;
use rustls::{
    ServerConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// A certificate that can be served.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// Chain and key.
    pub(crate) key: Arc<CertifiedKey>,
    /// Whom clients take the other end for.
    pub(crate) covers: Names,
    /// Begin and end of validity of the leaf, in seconds since 1970.
    pub(crate) begins_s: i64,
    pub(crate) expires_s: i64,
}

/// A set of hosts: names in lower case, IP addresses without brackets, wildcards by the domain below them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    exact: HashSet<String>,
    wildcard: HashSet<String>,
}

impl Names {
    /// Adds a DNS name as certificates hold it.
    pub(crate) fn add_dns(&mut self, name: &str) {
        let name = name.to_ascii_lowercase();
        match name.strip_prefix("*.") {
            Some(domain) => self.wildcard.insert(domain.to_owned()),
            None => self.exact.insert(name),
        };
    }

    /// Adds an IP address.
    pub(crate) fn add_address(&mut self, address: IpAddr) {
        self.exact.insert(address.to_string());
    }

    /// Whether a host, as it stands in a URL, is one of these. A wildcard is for any one label (RFC 9525 s6.3).
    pub(crate) fn cover(&self, host: &str) -> bool {
        let host = as_key(host);
        let below_wildcard = || host.split_once('.').is_some_and(|(_, domain)| self.wildcard.contains(domain));
        self.exact.contains(&host) || below_wildcard()
    }
}

/// A host in the spelling that it is found by: an IPv6 address stands in brackets in a URL, and can be written in many
/// ways.
fn as_key(host: &str) -> String {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match address.and_then(|address| address.parse::<Ipv6Addr>().ok()) {
        Some(address) => address.to_string(),
        None => host.to_ascii_lowercase(),
    }
}

/// A certificate, and how a handshake with it goes.
pub(crate) struct Served {
    pub(crate) certificate: Arc<Certificate>,
    pub(crate) handshake: Arc<ServerConfig>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// The certificates of one listener, by server name.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    exact: HashMap<String, Arc<Served>>,
    wildcard: HashMap<String, Arc<Served>>,
    /// In the order of the configuration.
    all: Vec<Arc<Served>>,
}

impl Certificates {
    /// Adds a certificate; of two for one name, the first stays.
    pub(crate) fn insert(&mut self, names: &[HostPattern], served: Served) {
        let served = Arc::new(served);
        for name in names {
            let (names, name) = match name {
                HostPattern::Exact(name) => (&mut self.exact, as_key(name)),
                HostPattern::Wildcard(domain) => (&mut self.wildcard, domain.clone()),
            };
            names.entry(name).or_insert_with(|| Arc::clone(&served));
        }
        self.all.push(served);
    }

    /// In the order of the configuration.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.all.iter()
    }

    /// Whether a certificate is held for this host, as it stands in a URL.
    pub(crate) fn serves(&self, host: &str) -> bool {
        self.find(&as_key(host)).is_some()
    }

    /// The certificate for a client that asks for `name` at the address `local`. A name that none is for gets none,
    /// rather than somebody else's. Clients that connect to an address name no server (RFC 6066 s3): they get the
    /// certificate for that address, or the first.
    pub(crate) fn choose(&self, name: Option<&str>, local: Option<IpAddr>) -> Option<&Arc<Served>> {
        match name {
            Some(name) => self.find(&name.to_ascii_lowercase()),
            None => local.and_then(|local| self.find(&local.to_canonical().to_string())).or(self.all.first()),
        }
    }

    fn find(&self, key: &str) -> Option<&Arc<Served>> {
        let below_wildcard = || key.split_once('.').and_then(|(_, domain)| self.wildcard.get(domain));
        self.exact.get(key).or_else(below_wildcard)
    }
}

/// Resolves to the certificate that was chosen before.
#[derive(Debug)]
pub(super) struct Chosen(pub(super) Arc<CertifiedKey>);

impl ResolvesServerCert for Chosen {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_for_one_label_and_an_address_for_each_of_its_spellings() {
        let mut names = Names::default();
        names.add_dns("*.Shop.example");
        names.add_dns("shop.example");
        names.add_address("::1".parse().unwrap());
        names.add_address("192.0.2.1".parse().unwrap());
        for host in ["a.shop.example", "A.shop.example", "shop.example", "[::1]", "[0:0::0:1]", "192.0.2.1"] {
            assert!(names.cover(host), "{host}");
        }
        for host in ["a.b.shop.example", "example", "other.example", "[::2]", "192.0.2.2", "*.shop.example.com", ""] {
            assert!(!names.cover(host), "{host}");
        }
    }
}
