//! One health check: a connection, TLS where the pool speaks it, and an answer where one is asked for.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use config::model::{Probe, Protocol};
use http::header;
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::io::Errno;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;

use crate::snapshot::Pool;

/// Bytes of an answer's header: far more than it needs to say that all is well.
const HEADER_MAX: u32 = 16 << 10;

/// How the endpoints of a pool are asked: as its requests ask them.
#[derive(Clone)]
pub(super) struct Way {
    protocol: Protocol,
    tls: Option<(ServerName<'static>, Arc<ClientConfig>)>,
    /// Differs wherever the files for TLS do.
    identity: u64,
}

impl Way {
    pub(super) fn of(pool: &Pool) -> Self {
        let tls = pool.connector.tls.as_ref();
        Self {
            protocol: pool.model.protocol,
            tls: tls.map(|tls| (tls.server_name.clone(), Arc::clone(&tls.of_checks))),
            identity: tls.map_or(0, |tls| tls.identity),
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        let name = |way: &Self| way.tls.as_ref().map(|(name, _)| name.clone());
        self.protocol == other.protocol && self.identity == other.identity && name(self) == name(other)
    }
}

/// What one check found, with the reason where it is bad.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Well,
    /// It was connected to, and answered badly or late.
    Unwell(String),
    /// No connection could be made.
    Unreachable(String),
    /// This process lacks something: that says nothing of the endpoint, or a flood of clients that takes all descriptors
    /// would take all pools down as well.
    NotAsked(String),
}

/// Checks an endpoint once.
pub(super) async fn ask(address: SocketAddr, way: &Way, probe: &Probe, limit: Duration) -> Found {
    let end = Instant::now() + limit;
    let tcp = match timeout_at(end, TcpStream::connect(address)).await {
        Ok(Ok(tcp)) => tcp,
        Ok(Err(error)) if is_own(&error, address) => return Found::NotAsked(error.to_string()),
        Ok(Err(error)) => return Found::Unreachable(error.to_string()),
        Err(_elapsed) => return Found::Unreachable(format!("no connection within {limit:?}")),
    };
    match timeout_at(end, speak(tcp, address, way, probe)).await {
        Ok(Ok(())) => Found::Well,
        Ok(Err(reason)) => Found::Unwell(reason),
        Err(_elapsed) => Found::Unwell(format!("no answer within {limit:?}")),
    }
}

/// Whether a connection failed for what this process or host lacks: descriptors, memory, ports.
fn is_own(error: &io::Error, address: SocketAddr) -> bool {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => true,
        // No port is free; or, as on a host without IPv6, there is no address of ours to go from.
        Some(Errno::ADDRNOTAVAIL) => has_way_to(address),
        _ => false,
    }
}

/// Whether this host has an address to reach another from. Nothing is sent, and TCP's ports are not touched.
fn has_way_to(address: SocketAddr) -> bool {
    let any: IpAddr = if address.is_ipv6() { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect(address)).is_ok()
}

async fn speak(tcp: TcpStream, address: SocketAddr, way: &Way, probe: &Probe) -> Result<(), String> {
    let Some((name, config)) = &way.tls else {
        return match probe {
            Probe::Tcp => Ok(()),
            Probe::Http { path, host } => {
                let authority = host.clone().unwrap_or_else(|| address.to_string());
                get(tcp, way.protocol, "http", &authority, path).await
            }
        };
    };
    let tls = TlsConnector::from(Arc::clone(config)).connect(name.clone(), tcp).await;
    let tls = tls.map_err(|error| error.to_string())?;
    if way.protocol == Protocol::H2 && tls.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err("it does not speak HTTP/2".to_owned());
    }
    let Probe::Http { path, host } = probe else { return Ok(()) };
    let authority = host.clone().unwrap_or_else(|| match name {
        ServerName::DnsName(name) => format!("{}:{}", name.as_ref(), address.port()),
        _ => address.to_string(),
    });
    get(tls, way.protocol, "https", &authority, path).await
}

/// One `GET`; any 2xx is good.
async fn get(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: Protocol,
    scheme: &str,
    authority: &str,
    path: &str,
) -> Result<(), String> {
    let text = |error: hyper::Error| error.to_string();
    let request = http::Request::get(match protocol {
        Protocol::Http1 => path.to_owned(),
        Protocol::H2 => format!("{scheme}://{authority}{path}"),
    });
    let request = match protocol {
        Protocol::Http1 => request.header(header::HOST, authority),
        Protocol::H2 => request,
    };
    let request = request.header(header::USER_AGENT, "floodgate-health-check").body(Empty::<Bytes>::new());
    let (request, io) = (request.map_err(|error| error.to_string())?, TokioIo::new(connection));
    // The connection is driven only while the answer's header is awaited, and closed after it.
    let response = match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            builder.max_buf_size(usize::try_from(HEADER_MAX).unwrap_or(usize::MAX));
            let (mut sender, connection) = builder.handshake(io).await.map_err(text)?;
            answer(sender.send_request(request), connection).await?
        }
        Protocol::H2 => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.max_header_list_size(HEADER_MAX).initial_connection_window_size(HEADER_MAX);
            builder.initial_stream_window_size(HEADER_MAX);
            let (mut sender, connection) = builder.handshake(io).await.map_err(text)?;
            answer(sender.send_request(request), connection).await?
        }
    };
    if response.status().is_success() { Ok(()) } else { Err(format!("answered {}", response.status())) }
}

async fn answer(
    response: impl Future<Output = hyper::Result<http::Response<hyper::body::Incoming>>>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> Result<http::Response<hyper::body::Incoming>, String> {
    tokio::pin!(response);
    let response = tokio::select! {
        response = &mut response => response,
        // Why it ended, it has told the one who waits.
        _ended = connection => response.await,
    };
    response.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    fn plain() -> Way {
        Way { protocol: Protocol::Http1, tls: None, identity: 0 }
    }

    fn http() -> Probe {
        Probe::Http { path: "/".to_owned(), host: None }
    }

    #[tokio::test]
    async fn nobody_there_is_told_from_nobody_answering() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // It is the kernel that accepts; nobody ever reads.
        assert_eq!(ask(address, &plain(), &Probe::Tcp, SOON).await, Found::Well);
        assert_eq!(ask(address, &plain(), &http(), SOON).await, Found::Unwell("no answer within 200ms".to_owned()));
        drop(listener);
        for probe in [Probe::Tcp, http()] {
            assert!(matches!(ask(address, &plain(), &probe, SOON).await, Found::Unreachable(_)));
        }
    }

    #[tokio::test]
    async fn an_endless_header_ends_the_check() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endless = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tcp.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
            while tcp.write_all(&[b"x: ".as_slice(), &[b'y'; 997], b"\r\n"].concat()).await.is_ok() {}
        });
        let found = ask(address, &plain(), &http(), Duration::from_secs(20)).await;
        assert!(matches!(&found, Found::Unwell(reason) if reason.contains("too large")), "{found:?}");
        endless.await.unwrap();
    }

    #[test]
    fn what_this_process_lacks_is_not_the_endpoints_fault() {
        let near = SocketAddr::from(([127, 0, 0, 1], 9));
        assert!(is_own(&Errno::MFILE.into(), near));
        assert!(!is_own(&Errno::CONNREFUSED.into(), near));
        assert!(!is_own(&io::Error::other("something"), near));
        assert!(is_own(&Errno::ADDRNOTAVAIL.into(), near), "it is a port that is missing");
        // The kernel has no way to where only broadcasts go.
        let nowhere = SocketAddr::from(([255, 255, 255, 255], 9));
        assert!(!is_own(&Errno::ADDRNOTAVAIL.into(), nowhere), "there is no way");
    }
}
