//! Routes for hosts that no listener serves.

use crate::{
    model::{HostPattern, Listener},
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
    if answering.any(|listener| listener.certificates.is_empty()) {
        // A plain listener serves every host.
        return;
    }
    let names: Vec<&HostPattern> = listeners
        .iter()
        .filter(|listener| listener.redirect_to.is_none())
        .flat_map(|listener| listener.certificates.iter().flat_map(|certificate| &certificate.names))
        .collect();
    let hosts = routes.value.iter().filter_map(|route| route.0.as_ref()?.r#match.host.as_ref());
    for Written { value: host, at } in hosts.flat_map(|hosts| &hosts.value.0) {
        if !names.iter().any(|name| share_a_host(name, host)) {
            let known: Vec<_> = names.iter().take(5).map(|name| format!("`{name}`")).collect();
            let hint = format!("there are certificates for {}", known.join(", "));
            report.refuse_with_hint(Code::UnservedHost, at, format!("no listener serves the host `{host}`"), hint);
        }
    }
}

/// Whether some host is meant by both.
fn share_a_host(one: &HostPattern, other: &HostPattern) -> bool {
    let one_below = |name: &str, domain: &str| name.split_once('.').is_some_and(|(_, rest)| rest == domain);
    match (one, other) {
        (HostPattern::Exact(one), HostPattern::Exact(other)) => one == other,
        (HostPattern::Wildcard(one), HostPattern::Wildcard(other)) => one == other,
        (HostPattern::Wildcard(domain), HostPattern::Exact(name))
        | (HostPattern::Exact(name), HostPattern::Wildcard(domain)) => one_below(name, domain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_one_label() {
        let exact = |name: &str| HostPattern::Exact(name.to_owned());
        let wildcard = HostPattern::Wildcard("example.com".to_owned());
        assert!(share_a_host(&exact("a.example.com"), &wildcard) && share_a_host(&wildcard, &wildcard));
        assert!(!share_a_host(&exact("example.com"), &wildcard) && !share_a_host(&exact("a.b.example.com"), &wildcard));
    }
}
