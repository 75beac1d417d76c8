//! Checks TLS of a listener: certificates, versions, and what is asked of clients.

use std::time::Duration;

use super::{
    bound::{count, within},
    unique::refuse_repeated,
};
use crate::{
    model::{Certificate, ClientAuth, HostPattern, Protocol, Tls, TlsVersion},
    problem::{Code, Report},
    schema::{self, read::Written},
    source::Sources,
};

const CERTIFICATES_MAX: usize = 10_000;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn check(written: schema::Tls, sources: &Sources, report: &mut Report) -> Tls {
    let schema::Tls {
        certificates,
        protocols,
        min_version,
        handshake_timeout,
        client_certificates,
        client_ca,
        tickets,
    } = written;
    count(certificates.value.len(), "certificate", 1..=CERTIFICATES_MAX, &certificates.at, report);
    for schema::Certificate { names, .. } in &certificates.value {
        count(names.value.0.len(), "name", 1..=CERTIFICATES_MAX, &names.at, report);
    }
    let names = certificates.value.iter().flat_map(|certificate| &certificate.names.value.0);
    refuse_repeated(Code::RepeatedValue, "certificate name", names.map(|name| (&name.value, &name.at)), report);
    let timeouts = Duration::from_millis(100)..=Duration::from_secs(60);
    refuse_unmatched_authorities(client_certificates.as_ref(), client_ca.as_ref(), report);
    Tls {
        certificates: certificates.value.into_iter().map(|written| certificate(written, sources)).collect(),
        protocols: check_protocols(protocols, report),
        min_version: min_version.map_or(TlsVersion::V1_2, |version| version.value),
        handshake_timeout: within(handshake_timeout.as_ref(), HANDSHAKE_TIMEOUT, timeouts, report),
        client_certificates: client_certificates.map_or(ClientAuth::None, |asked| asked.value),
        client_ca: client_ca.map(|path| sources.resolve(&path.value.0, &path.at)),
        ticket_keys: tickets.map(|tickets| sources.resolve(&tickets.keys.value.0, &tickets.keys.at)),
    }
}

fn check_protocols(written: Option<Written<Vec<Written<Protocol>>>>, report: &mut Report) -> Vec<Protocol> {
    let Some(Written { value, at }) = written else { return vec![Protocol::H2, Protocol::Http1] };
    count(value.len(), "protocol", 1..=2, &at, report);
    let each = value.iter().map(|protocol| (protocol.value, &protocol.at));
    refuse_repeated(Code::RepeatedValue, "protocol", each, report);
    value.into_iter().map(|protocol| protocol.value).collect()
}

/// To ask for certificates that nobody vouches for would let anybody in, or nobody.
fn refuse_unmatched_authorities(
    asked: Option<&Written<ClientAuth>>,
    authorities: Option<&Written<schema::AuthoritiesPath>>,
    report: &mut Report,
) {
    let asks = asked.filter(|asked| asked.value != ClientAuth::None);
    match (asks, authorities) {
        (Some(asked), None) => {
            let message = format!("`{}`, and it is not said who signs clients' certificates", asked.value);
            let hint = "name the file of their authorities beside it: `client_ca: tls/partners.pem`";
            report.refuse_with_hint(Code::WrongClientCertificates, &asked.at, message, hint);
        }
        (None, Some(authorities)) => {
            let message = "no client is asked for a certificate".to_owned();
            let hint = "write `client_certificates: optional` or `required` beside it, or leave `client_ca` out";
            report.refuse_with_hint(Code::WrongClientCertificates, &authorities.at, message, hint);
        }
        _ => {}
    }
}

fn certificate(written: schema::Certificate, sources: &Sources) -> Certificate {
    let schema::Certificate { names, chain, key } = written;
    let names: Vec<HostPattern> = names.value.0.into_iter().map(|name| name.value).collect();
    Certificate {
        names,
        chain: sources.resolve(&chain.value.0, &chain.at),
        key: sources.resolve(&key.value.0, &key.at),
    }
}
