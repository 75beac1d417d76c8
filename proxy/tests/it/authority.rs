//! Certificates made to order, and clients that speak TLS and look at what they get.

use std::{
    fs,
    io::{self, Error},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, SignatureScheme, SupportedProtocolVersion,
    client::ResolvesClientCert,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    sign::CertifiedKey,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::world::LONG;

const DAY: Duration = Duration::from_secs(86_400);

/// An authority with a folder for what it signs.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
}

/// A chain and its key, as files.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, format!("authority {}", folder.path().display()));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), root.pem()).unwrap();
        let root = root.der().clone();
        Self { folder, issuer: Issuer::new(params, key), root }
    }

    /// PEM file with its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// For a server with these names, or a client that is called so.
    pub(crate) fn sign(&self, file: &str, names: &[&str]) -> Pair {
        self.sign_until(file, names, SystemTime::now() + 90 * DAY)
    }

    /// The same, valid until `end`.
    pub(crate) fn sign_until(&self, file: &str, names: &[&str], end: SystemTime) -> Pair {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params.distinguished_name.push(DnType::CommonName, names[0].clone());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = ((end - 100 * DAY).into(), end.into());
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let at = |kind: &str| self.folder.path().join(format!("{file}.{kind}"));
        put(&at("pem"), &certificate.pem());
        put(&at("key"), &key.serialize_pem());
        Pair { chain: at("pem"), key: at("key") }
    }

    /// A client that trusts this authority alone.
    pub(crate) fn client(&self) -> Tls {
        self.client_with(None, &[&rustls::version::TLS12, &rustls::version::TLS13])
    }

    /// A client that shows a certificate if it is asked for one.
    pub(crate) fn client_showing(&self, pair: &Pair) -> Tls {
        self.client_with(Some(pair), &[&rustls::version::TLS12, &rustls::version::TLS13])
    }

    pub(crate) fn client_with(&self, shown: Option<&Pair>, versions: &[&'static SupportedProtocolVersion]) -> Tls {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        let config = match shown {
            None => builder.with_no_client_auth(),
            Some(Pair { chain, key }) => {
                let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
            }
        };
        Tls(Arc::new(config))
    }
}

/// A client's certificate that is renewed while the client goes on, as long-running programs do it.
#[derive(Debug)]
pub(crate) struct Renewable(pub(crate) Mutex<Arc<CertifiedKey>>);

impl Renewable {
    pub(crate) fn new(pair: &Pair) -> Arc<Self> {
        Arc::new(Self(Mutex::new(certified(pair))))
    }

    pub(crate) fn renew(&self, pair: &Pair) {
        *self.0.lock().unwrap() = certified(pair);
    }
}

impl ResolvesClientCert for Renewable {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.lock().unwrap()))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn certified(Pair { chain, key }: &Pair) -> Arc<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    Arc::new(CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider()).unwrap())
}

/// Puts a file in place as a whole.
pub(crate) fn put(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

/// One client with its memory of sessions.
#[derive(Clone)]
pub(crate) struct Tls(pub(crate) Arc<ClientConfig>);

impl Tls {
    /// The same, with a memory of its own and these protocols to offer.
    pub(crate) fn offering(&self, protocols: &[&str]) -> Self {
        let mut config = (*self.0).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.resumption = rustls::client::Resumption::in_memory_sessions(256);
        Self(Arc::new(config))
    }

    /// The same, showing what `shown` holds at the time.
    pub(crate) fn showing(&self, shown: Arc<Renewable>) -> Self {
        let mut config = (*self.0).clone();
        config.client_auth_cert_resolver = shown;
        config.resumption = rustls::client::Resumption::in_memory_sessions(256);
        Self(Arc::new(config))
    }

    pub(crate) async fn connect(&self, address: SocketAddr, name: &str) -> io::Result<Connected> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let tcp = TcpStream::connect(address).await?;
        let handshake = TlsConnector::from(Arc::clone(&self.0)).connect(name, tcp);
        let stream = tokio::time::timeout(LONG, handshake).await.expect("a handshake ends")?;
        Ok(Connected(stream))
    }

    /// Asks for `/` over a connection of its own, and tells the status and whether a session was resumed.
    pub(crate) async fn ask(&self, address: SocketAddr, name: &str) -> io::Result<(u16, bool)> {
        let mut connected = self.connect(address, name).await?;
        let (status, _) = connected.get(name, "/").await?;
        connected.0.shutdown().await.ok();
        Ok((status, connected.resumed()))
    }
}

/// A connection on which requests can be sent.
pub(crate) struct Connected(pub(crate) TlsStream<TcpStream>);

impl Connected {
    pub(crate) fn resumed(&self) -> bool {
        self.0.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The certificate that the server has shown.
    pub(crate) fn shown(&self) -> CertificateDer<'static> {
        self.0.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }

    /// Status and body of an answer to a request in HTTP/1.1 with a field that nobody should believe.
    pub(crate) async fn get(&mut self, host: &str, path: &str) -> io::Result<(u16, String)> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nClient-Cert: :Zm9yZ2Vk:\r\n\r\n");
        self.0.write_all(request.as_bytes()).await?;
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let read = tokio::time::timeout(LONG, self.0.read(&mut buffer)).await.expect("an answer comes")?;
            answer.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&answer).to_lowercase();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                if read == 0 {
                    return Err(Error::other(format!("half an answer: {text}")));
                }
                continue;
            };
            let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap());
            if body.len() >= length.parse().unwrap() {
                return Ok((head[9..12].parse().unwrap(), body.to_owned()));
            }
        }
    }
}
