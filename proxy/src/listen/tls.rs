//! TLS towards clients: which certificate, what is offered, and whom clients have to prove to be.
//!
//! What rustls gives by itself: only suites with forward secrecy and authenticated encryption, chosen in the client's order
//! (a telephone without AES in hardware is faster with ChaCha20); no renegotiation, no compression. 0-RTT stays off: what
//! it carries can be replayed (RFC 8446 s8), and a shop's POST must not be.

use std::{sync::Arc, time::Duration};

use config::model::{self, TlsVersion};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::CryptoProvider,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    version::{TLS12, TLS13},
};

pub(crate) mod certificates;
pub(crate) mod clients;
pub(crate) mod tickets;
pub(crate) mod handshake;

use self::{
    certificates::{Certificate, Certificates, Chosen, Served},
    clients::ClientAuth,
    tickets::{Ticketer, Tickets},
};

/// Tickets that a TLS 1.3 client is handed: browsers use each once (RFC 8446 appendix C.4) and open a second connection.
const TICKETS: usize = 2;

/// TLS of one listener, in one configuration.
#[derive(Debug)]
pub(crate) struct Tls {
    /// By server name.
    pub(crate) certificates: Certificates,
    /// What clients have to show.
    pub(crate) clients: ClientAuth,
    /// Keys of session tickets.
    pub(crate) tickets: Arc<Tickets>,
    /// From the first byte of a handshake to its last.
    handshake_timeout: Duration,
}

impl Tls {
    /// `certificates` are those of the model, in its order.
    pub(crate) fn new(
        model: &model::Tls,
        certificates: Vec<Arc<Certificate>>,
        clients: ClientAuth,
        tickets: Arc<Tickets>,
    ) -> Self {
        let (provider, mut served) = (provider(), Certificates::default());
        for (model_of_one, certificate) in model.certificates.iter().zip(certificates) {
            let handshake = Arc::new(server_config(model, &certificate, &clients, &tickets, &provider));
            served.insert(&model_of_one.names, Served { certificate, handshake });
        }
        Self { certificates: served, clients, tickets, handshake_timeout: model.handshake_timeout }
    }
}

/// The cryptography of this edge.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn server_config(
    model: &model::Tls,
    certificate: &Certificate,
    clients: &ClientAuth,
    tickets: &Arc<Tickets>,
    provider: &Arc<CryptoProvider>,
) -> ServerConfig {
    let versions: &[&SupportedProtocolVersion] = match model.min_version {
        TlsVersion::V1_2 => &[&TLS12, &TLS13],
        TlsVersion::V1_3 => &[&TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider)).with_protocol_versions(versions);
    let builder = builder.expect("the provider knows TLS 1.2 and 1.3");
    let verifier = clients.verifier().map_or_else(WebPkiClientVerifier::no_client_auth, Arc::clone);
    let mut config =
        builder.with_client_cert_verifier(verifier).with_cert_resolver(Arc::new(Chosen(Arc::clone(&certificate.key))));
    config.alpn_protocols = model.protocols.iter().map(|protocol| protocol.to_string().into_bytes()).collect();
    config.ticketer = Arc::new(Ticketer { tickets: Arc::clone(tickets), scope: clients.scope });
    config.send_tls13_tickets = TICKETS;
    // What a session is resumed from is in the ticket: nothing to run full, and the same at every edge.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config
}
