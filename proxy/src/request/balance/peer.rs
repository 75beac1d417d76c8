//! How an endpoint is connected to: TLS, HTTP version, time limits.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use config::model::{Pool, Protocol};
use pingora::{
    protocols::{ALPN, tls::CaType},
    upstreams::peer::{HttpPeer, PeerOptions},
    utils::tls::CertKey,
};
use rustls::{ClientConfig, pki_types::ServerName};

use crate::request::exchange::Exchange;

/// Requests at a time on one HTTP/2 connection: what RFC 9113 s6.5.2 asks every server to allow at least.
const STREAMS_MAX: usize = 100;
/// What an origin may send of one answer ahead of the client: 250 MB/s at a distance of 1 ms.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// And of all answers of a connection: so many slow clients may stop reading before the others on it notice.
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;
/// How often a connection with open requests is asked whether it is still there.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// TLS towards the endpoints of a pool.
pub(crate) struct Tls {
    /// What their certificates are verified for. Never empty: Pingora would verify nothing (0.9.1,
    /// `connectors/tls/rustls/mod.rs`).
    pub(crate) server_name: ServerName<'static>,
    /// Authorities that replace those of the system.
    pub(crate) ca: Option<Arc<CaType>>,
    /// What the edge shows of itself.
    pub(crate) certificate: Option<Arc<CertKey>>,
    /// Differs wherever one of these does. A connection is used again only for the same: Pingora itself would share it
    /// between peers that trust different authorities.
    pub(crate) identity: u64,
    /// The same for the health checks, which do not go through Pingora.
    pub(crate) of_checks: Arc<ClientConfig>,
}

/// Makes peers of a pool's endpoints.
pub(crate) struct Connector {
    options: PeerOptions,
    connect: Duration,
    stream_silence: Duration,
    pub(crate) tls: Option<Tls>,
}

impl Connector {
    /// For a pool whose files have been read.
    pub(crate) fn new(model: &Pool, tls: Option<Tls>) -> Self {
        let mut options = PeerOptions::new();
        // On HTTP/1 the header as a whole is bounded from outside; on HTTP/2 Pingora reads it as a whole.
        options.read_timeout = Some(match model.protocol {
            Protocol::Http1 => model.timeouts.read,
            Protocol::H2 => model.timeouts.header,
        });
        options.write_timeout = Some(model.timeouts.write);
        options.idle_timeout = Some(model.timeouts.idle);
        options.ca = tls.as_ref().and_then(|tls| tls.ca.clone());
        if model.protocol == Protocol::H2 {
            options.alpn = ALPN::H2;
            options.max_h2_streams = STREAMS_MAX;
            options.h2_stream_window_size = Some(STREAM_WINDOW_BYTES);
            options.h2_connection_window_size = Some(CONNECTION_WINDOW_BYTES);
            options.h2_ping_interval = Some(PING_INTERVAL);
        }
        Self { options, connect: model.timeouts.connect, stream_silence: model.timeouts.stream, tls }
    }

    /// An endpoint as Pingora connects to it, with so much time `left` for all.
    pub(crate) fn peer(&self, address: SocketAddr, exchange: Exchange, left: Duration) -> HttpPeer {
        let server_name = self.tls.as_ref().map(|tls| tls.server_name.to_str().into_owned());
        let mut peer = HttpPeer::new(address, self.tls.is_some(), server_name.unwrap_or_default());
        peer.options = self.options.clone();
        peer.options.total_connection_timeout = Some(self.connect.min(left));
        if exchange.stays_open() {
            peer.options.read_timeout = Some(self.stream_silence);
        }
        if let Some(tls) = &self.tls {
            peer.client_cert_key = tls.certificate.clone();
            peer.group_key = tls.identity;
        }
        peer
    }
}
