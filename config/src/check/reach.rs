//! Routes that no listener lets a request through to.

use std::collections::HashSet;

use crate::{
    model::{ClientAuth, HostPattern, Listener, Tls},
    problem::{Code, Report},
    schema::{
        self,
        read::{Tried, Written},
    },
};

/// Reports each host whose requests are answered with `421` before they are routed.
pub(super) fn refuse_unserved_hosts(
    routes: &Written<Vec<Tried<schema::Route>>>,
    listeners: &[Listener],
    report: &mut Report,
) {
    let mut answering = listeners.iter().filter(|listener| listener.redirect_to.is_none());
    if answering.any(|listener| listener.tls.is_none()) {
        // A plain listener serves every host.
        return;
    }
    let names = || {
        let answering = listeners.iter().filter(|listener| listener.redirect_to.is_none());
        answering.flat_map(|listener| listener.certificates().iter().flat_map(|certificate| &certificate.names))
    };
    let served: Served<'_> = names().collect();
    let hosts = routes.value.iter().filter_map(|route| route.0.as_ref()?.r#match.host.as_ref());
    for Written { value: host, at } in hosts.flat_map(|hosts| &hosts.value.0) {
        if !served.shares_a_host_with(host) {
            let known: Vec<_> = names().take(5).map(|name| format!("`{name}`")).collect();
            let hint = format!("there are certificates for {}", known.join(", "));
            report.refuse_with_hint(Code::UnservedHost, at, format!("no listener serves the host `{host}`"), hint);
        }
    }
}

/// Reports each route for clients with a certificate that no client can come to who was asked for one.
pub(super) fn refuse_unproven_clients(
    routes: &Written<Vec<Tried<schema::Route>>>,
    listeners: &[Listener],
    report: &mut Report,
) {
    let hint = "write `client_certificates: optional` and `client_ca` at the listener that these clients come to";
    let asks = |tls: &&Tls| tls.client_certificates != ClientAuth::None;
    let answering = listeners.iter().filter(|listener| listener.redirect_to.is_none());
    let asking: Vec<_> = answering.filter_map(|listener| listener.tls.as_ref()).filter(asks).collect();
    let names = asking.iter().flat_map(|tls| &tls.certificates).flat_map(|certificate| &certificate.names);
    let served: Served<'_> = names.collect();
    for route in routes.value.iter().filter_map(|route| route.0.as_ref()) {
        let Some(Written { at, .. }) = &route.client_certificate else { continue };
        if asking.is_empty() {
            let message = "no listener asks clients for a certificate".to_owned();
            report.refuse_with_hint(Code::WrongClientCertificates, at, message, hint);
            continue;
        }
        let hosts = route.r#match.host.iter().flat_map(|hosts| &hosts.value.0);
        for Written { value: host, at } in hosts.filter(|host| !served.shares_a_host_with(&host.value)) {
            let message = format!("no listener that serves the host `{host}` asks clients for a certificate");
            report.refuse_with_hint(Code::WrongClientCertificates, at, message, hint);
        }
    }
}

/// The names of certificates. In sets: there may be ten thousands, and as many hosts.
#[derive(Default)]
struct Served<'a> {
    exact: HashSet<&'a str>,
    /// What stands behind `*.`
    wildcards: HashSet<&'a str>,
    /// What is left of exact names without their first label.
    above_exact: HashSet<&'a str>,
}

impl<'a> FromIterator<&'a HostPattern> for Served<'a> {
    fn from_iter<I: IntoIterator<Item = &'a HostPattern>>(names: I) -> Self {
        let mut served = Self::default();
        for name in names {
            match name {
                HostPattern::Exact(name) => {
                    served.exact.insert(name);
                    served.above_exact.extend(above(name));
                }
                HostPattern::Wildcard(domain) => {
                    served.wildcards.insert(domain);
                }
            }
        }
        served
    }
}

impl Served<'_> {
    /// Whether some host is meant by the pattern and by a name.
    fn shares_a_host_with(&self, pattern: &HostPattern) -> bool {
        match pattern {
            HostPattern::Exact(host) => {
                self.exact.contains(host.as_str()) || above(host).is_some_and(|domain| self.wildcards.contains(domain))
            }
            HostPattern::Wildcard(domain) => {
                self.wildcards.contains(domain.as_str()) || self.above_exact.contains(domain.as_str())
            }
        }
    }
}

/// A name without its first label.
fn above(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, domain)| domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_one_label() {
        let exact = |name: &str| HostPattern::Exact(name.to_owned());
        let wildcard = |domain: &str| HostPattern::Wildcard(domain.to_owned());
        let share = |name: &HostPattern, pattern: &HostPattern| {
            let both_ways = [(name, pattern), (pattern, name)];
            let [one, other] = both_ways.map(|(name, pattern)| Served::from_iter([name]).shares_a_host_with(pattern));
            assert_eq!(one, other, "{name} and {pattern}");
            one
        };
        let below = wildcard("example.com");
        assert!(share(&exact("a.example.com"), &below) && share(&below, &below));
        assert!(share(&exact("a.example.com"), &exact("a.example.com")));
        assert!(!share(&exact("a.example.com"), &exact("b.example.com")));
        assert!(!share(&exact("example.com"), &below) && !share(&exact("a.b.example.com"), &below));
        assert!(!share(&wildcard("a.example.com"), &below) && !share(&exact("localhost"), &below));
    }
}
