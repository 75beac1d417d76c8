//! One handshake: bytes of a stranger -> an encrypted stream and what is known of the other end, or a reason why not.

use std::{io, net::IpAddr, sync::Arc, time::UNIX_EPOCH};

use rustls::{
    AlertDescription, Error, HandshakeKind, ProtocolVersion, ServerConnection, pki_types::UnixTime, server::Acceptor,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{Tls, certificates::Served, clients::ClientCertificate, tickets::Scope};
use crate::clock;

/// What a handshake has settled.
#[derive(Clone, Debug)]
pub(crate) struct Established {
    /// One of [`VERSIONS`].
    pub(crate) version: &'static str,
    /// The cipher suite, by its name in the IANA registry.
    pub(crate) cipher: &'static str,
    /// The server that the client asked for.
    pub(crate) server_name: Option<String>,
    /// Whether an earlier session goes on.
    pub(crate) resumed: bool,
    /// Whether ALPN has chosen HTTP/2.
    pub(crate) is_h2: bool,
    /// Whom the client has proven to be.
    pub(crate) client: Option<ClientCertificate>,
    /// Whom the client takes us for.
    pub(crate) served: Arc<Served>,
    /// What was asked of clients.
    pub(crate) scope: Scope,
}

/// Versions that are spoken.
pub(crate) const VERSIONS: [&str; 2] = ["1.2", "1.3"];

/// Why a handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// It was not done in time.
    #[error("the handshake took too long")]
    Timeout,
    /// The client left, or never said anything.
    #[error("the client left")]
    Left(#[source] io::Error),
    /// No certificate is for the server that it asked for.
    #[error("no certificate is for `{0}`")]
    UnknownName(String),
    /// There is no version, cipher or protocol that both speak.
    #[error("the client speaks nothing that is offered here")]
    Incompatible(#[source] Error),
    /// It has to show a certificate and has none.
    #[error("the client shows no certificate")]
    NoCertificate,
    /// It shows one that is not good.
    #[error("the client's certificate is not good")]
    BadCertificate(#[source] Error),
    /// The client has given up, most often because it does not trust the certificate.
    #[error("the client refused: {0:?}")]
    Refused(AlertDescription),
    /// It does not speak TLS.
    #[error("this is no TLS")]
    Malformed(#[source] Error),
}

impl HandshakeError {
    /// Every label, in the order of the reasons.
    pub(crate) const LABELS: [&'static str; 8] = [
        "timeout",
        "left",
        "unknown_name",
        "incompatible",
        "no_certificate",
        "bad_certificate",
        "refused_by_client",
        "malformed",
    ];

    /// The `reason` label in metrics: a fixed set.
    pub(crate) fn label(&self) -> &'static str {
        let at = match self {
            Self::Timeout => 0,
            Self::Left(_) => 1,
            Self::UnknownName(_) => 2,
            Self::Incompatible(_) => 3,
            Self::NoCertificate => 4,
            Self::BadCertificate(_) => 5,
            Self::Refused(_) => 6,
            Self::Malformed(_) => 7,
        };
        Self::LABELS[at]
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        let found = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).cloned();
        found.map_or_else(|| Self::Left(error), Self::from)
    }
}

impl From<Error> for HandshakeError {
    fn from(error: Error) -> Self {
        match error {
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::InvalidCertificate(_) => Self::BadCertificate(error),
            Error::AlertReceived(alert) => Self::Refused(alert),
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Self::Incompatible(error),
            _ => Self::Malformed(error),
        }
    }
}

/// Shakes hands with whoever came to the address `local`, within the time that the listener allows.
pub(crate) async fn accept<IO>(
    tls: &Tls,
    local: Option<IpAddr>,
    io: IO,
) -> Result<(TlsStream<IO>, Established), HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let handshake = shake_hands(tls, local, io);
    tokio::time::timeout(tls.handshake_timeout, handshake).await.map_err(|_elapsed| HandshakeError::Timeout)?
}

async fn shake_hands<IO>(
    tls: &Tls,
    local: Option<IpAddr>,
    io: IO,
) -> Result<(TlsStream<IO>, Established), HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut hello = LazyConfigAcceptor::new(Acceptor::default(), io).await?;
    let name = hello.client_hello().server_name().map(str::to_owned);
    let Some(served) = tls.certificates.choose(name.as_deref(), local).cloned() else {
        hello.io.write_all(&UNRECOGNIZED_NAME).await.ok(); // it is going to be closed either way
        return Err(HandshakeError::UnknownName(name.unwrap_or_default()));
    };
    let stream = hello.into_stream(Arc::clone(&served.handshake)).await?;
    let established = established(tls, served, stream.get_ref().1)?;
    Ok((stream, established))
}

/// The alert `unrecognized_name` (RFC 6066 s3) as a record of its own. rustls would say `access_denied`, from which a
/// client cannot tell what is wrong.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

fn established(tls: &Tls, served: Arc<Served>, connection: &ServerConnection) -> Result<Established, Error> {
    let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    let now = UnixTime::since_unix_epoch(clock::wall().duration_since(UNIX_EPOCH).unwrap_or_default());
    let client = tls.clients.judge(connection.peer_certificates(), resumed, now)?;
    let is_1_2 = connection.protocol_version() == Some(ProtocolVersion::TLSv1_2);
    let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    Ok(Established {
        version: VERSIONS[usize::from(!is_1_2)],
        cipher: suite.unwrap_or_default(),
        server_name: connection.server_name().map(str::to_owned),
        resumed,
        is_h2: connection.alpn_protocol() == Some(b"h2"),
        client,
        served,
        scope: tls.clients.scope,
    })
}
