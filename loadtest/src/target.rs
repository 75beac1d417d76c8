//! Where the load goes: a base address, resolved once, and local unless the operator says otherwise.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use http::uri::{Authority, Scheme, Uri};

/// The system under test.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// `https` or `http`.
    pub(crate) tls: bool,
    /// Host and port as given: what the `Host` header says.
    pub(crate) authority: Authority,
    /// Every address that the host has; never empty.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Why a target is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    /// Not a base address.
    #[error("target \"{0}\" is not a base address; hint: https://HOST:PORT or http://HOST:PORT, without a path")]
    NotABase(String),
    /// The host's name could not be resolved.
    #[error("target \"{host}\" cannot be resolved")]
    Unresolved { host: String, source: io::Error },
    /// The host's name has no address.
    #[error("target \"{0}\" has no address")]
    NoAddress(String),
    /// Not this machine.
    #[error(
        "target \"{host}\" is not this machine ({address}); hint: load on a machine that is not yours is an attack: \
         when its owner agreed, pass --allow-remote"
    )]
    Remote { host: String, address: SocketAddr },
}

impl Target {
    /// Parses and resolves `url`. Unless `allow_remote`, every address must be a loopback address.
    pub(crate) fn resolve(url: &str, allow_remote: bool) -> Result<Target, TargetError> {
        let (tls, authority) = parse(url).ok_or_else(|| TargetError::NotABase(url.to_owned()))?;
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let addresses: Vec<SocketAddr> = match (host.as_str(), port).to_socket_addrs() {
            Ok(addresses) => addresses.collect(),
            Err(source) => return Err(TargetError::Unresolved { host, source }),
        };
        if addresses.is_empty() {
            return Err(TargetError::NoAddress(host));
        }
        match addresses.iter().find(|address| !address.ip().to_canonical().is_loopback()) {
            Some(&address) if !allow_remote => Err(TargetError::Remote { host, address }),
            _ => Ok(Target { tls, authority, addresses }),
        }
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }

    /// The host alone, as the certificate names it.
    pub(crate) fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }
}

fn parse(url: &str) -> Option<(bool, Authority)> {
    let parts = url.parse::<Uri>().ok()?.into_parts();
    let tls = match parts.scheme? {
        scheme if scheme == Scheme::HTTPS => true,
        scheme if scheme == Scheme::HTTP => false,
        _ => return None,
    };
    let bare = parts.path_and_query.is_none_or(|path| path == "/");
    let authority = parts.authority.filter(|authority| !authority.as_str().contains('@'))?;
    bare.then_some((tls, authority))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_taken_with_its_default_port() {
        let target = Target::resolve("https://127.0.0.1", false).unwrap();
        assert_eq!(target.addresses, ["127.0.0.1:443".parse().unwrap()]);
        let target = Target::resolve("http://[::1]:8080/", false).unwrap();
        assert_eq!((target.host(), target.addresses[0].port()), ("::1", 8080));
    }

    #[test]
    fn a_remote_target_needs_the_owners_word() {
        let refusal = Target::resolve("https://192.0.2.7:8443", false).unwrap_err();
        assert!(refusal.to_string().contains("--allow-remote"), "{refusal}");
        assert!(Target::resolve("https://192.0.2.7:8443", true).is_ok());
        // The unspecified address reaches this machine, but is not a loopback address.
        assert!(matches!(Target::resolve("http://0.0.0.0:80", false), Err(TargetError::Remote { .. })));
        // An IPv4 address in IPv6 clothes is what it is underneath.
        assert!(matches!(Target::resolve("http://[::ffff:192.0.2.7]:80", false), Err(TargetError::Remote { .. })));
        assert!(Target::resolve("http://[::ffff:127.0.0.1]:80", false).is_ok());
    }

    #[test]
    fn only_base_addresses_are_targets() {
        for url in
            ["localhost:8443", "ftp://localhost", "https://localhost/shop", "https://u:p@localhost", "https://", ""]
        {
            assert!(matches!(Target::resolve(url, false), Err(TargetError::NotABase(_))), "{url}");
        }
    }
}
