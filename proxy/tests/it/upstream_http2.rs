//! HTTP/2 towards the servers of a pool, and gRPC through it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use h2::{RecvStream, client::SendRequest, server::SendResponse};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{
    authority::Authority,
    tls_origin::{TlsOrigin, server},
    world::{Edge, config},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core, streams: true}
  - {name: kept, match: {path: /kept/**, method: [GET, HEAD]}, pool: origin, class: browse, cache: {zone: pages, default_ttl: 1m}}
"#;

/// What an origin has seen.
#[derive(Clone, Default)]
struct Seen {
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<http::request::Parts>>>,
}

/// Serves one connection as a gRPC server would: each message of the request is answered with the same message as soon
/// as it is there, and the status comes in the trailers.
async fn serve(io: impl AsyncRead + AsyncWrite + Unpin, seen: Seen) {
    seen.connections.fetch_add(1, Ordering::Relaxed);
    let Ok(mut connection) = h2::server::handshake(io).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        let seen = seen.clone();
        tokio::spawn(async move {
            let (head, body) = request.into_parts();
            let path = head.uri.path().to_owned();
            seen.heads.lock().unwrap().push(head);
            answer(&path, body, respond).await;
        });
    }
}

async fn answer(path: &str, mut body: RecvStream, mut respond: SendResponse<Bytes>) {
    let head = Response::builder().header("content-type", "application/grpc");
    if path == "/shop.Cart/Unknown" {
        let head = head.header("grpc-status", "12").header("grpc-message", "no such method");
        respond.send_response(head.body(()).unwrap(), true).unwrap();
        return;
    }
    let mut sender = respond.send_response(head.body(()).unwrap(), false).unwrap();
    while let Some(Ok(message)) = body.data().await {
        body.flow_control().release_capacity(message.len()).unwrap();
        sender.send_data(message, false).unwrap();
    }
    if path.starts_with("/kept") {
        sender.send_data(Bytes::from_static(b"kept"), true).unwrap();
        return;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    trailers.insert("grpc-message", path.parse().unwrap());
    sender.send_trailers(trailers).unwrap();
}

/// An origin that speaks HTTP/2 from the first byte, without TLS.
async fn plain_origin() -> (std::net::SocketAddr, Seen, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Seen::default());
    let sees = seen.clone();
    let task = tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(serve(tcp, sees.clone()));
        }
    });
    (address, seen, task)
}

/// A connection to the edge over TLS.
async fn connect(edge: &Edge) -> SendRequest<Bytes> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(edge.folder().join("tls/ca.pem")).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = TcpStream::connect(edge.address("secure")).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    handshake(connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap()).await
}

async fn handshake(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> SendRequest<Bytes> {
    let (sender, connection) = h2::client::handshake(io).await.unwrap();
    tokio::spawn(async move { connection.await.ok() });
    sender.ready().await.unwrap()
}

fn call(url: String) -> Request<()> {
    let request = Request::post(url).header("content-type", "application/grpc").header("te", "trailers");
    request.version(Version::HTTP_2).body(()).unwrap()
}

async fn next(body: &mut RecvStream) -> Bytes {
    let data = body.data().await.unwrap().unwrap();
    body.flow_control().release_capacity(data.len()).unwrap();
    data
}

#[tokio::test]
async fn grpc_comes_through_message_by_message_with_its_trailers() {
    let (address, seen, _origin) = plain_origin().await;
    let edge = Edge::start(&config(&[address], "    protocol: h2", ROUTES));
    let mut client = connect(&edge).await;
    // A call with many messages in both directions: each comes back before the next is sent.
    let (response, mut request) = client.send_request(call(edge.secure("/shop.Cart/Watch")), false).unwrap();
    request.send_data("first".into(), false).unwrap();
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    assert_eq!(next(&mut body).await, "first");
    for message in ["second", "third"] {
        request.send_data(message.into(), false).unwrap();
        assert_eq!(next(&mut body).await, message);
    }
    request.send_data(Bytes::new(), true).unwrap();
    while let Some(rest) = body.data().await {
        assert!(rest.unwrap().is_empty());
    }
    let trailers = body.trailers().await.unwrap().unwrap();
    assert_eq!(
        (&trailers["grpc-status"], &trailers["grpc-message"]),
        (&"0".parse().unwrap(), &"/shop.Cart/Watch".parse().unwrap())
    );
    // A call of one message, and one that fails without any.
    let (response, mut request) = client.send_request(call(edge.secure("/shop.Cart/Get")), false).unwrap();
    request.send_data("one".into(), true).unwrap();
    let mut body = response.await.unwrap().into_body();
    assert_eq!(next(&mut body).await, "one");
    while body.data().await.is_some() {}
    assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    let (response, mut request) = client.send_request(call(edge.secure("/shop.Cart/Unknown")), false).unwrap();
    request.send_data("x".into(), true).unwrap();
    let response = response.await.unwrap();
    assert_eq!((response.status(), &response.headers()["grpc-status"]), (StatusCode::OK, &"12".parse().unwrap()));
    assert!(response.into_body().is_end_stream(), "there is nothing but the header");
    let heads = seen.heads.lock().unwrap();
    assert_eq!(heads.len(), 3);
    for head in heads.iter() {
        assert_eq!((head.version, &head.headers["te"]), (Version::HTTP_2, &"trailers".parse().unwrap()));
        assert_eq!(head.uri.authority().unwrap().as_str(), edge.secure("").trim_start_matches("https://"));
    }
    assert_eq!(seen.connections.load(Ordering::Relaxed), 1, "one connection carries all");
}

/// Key: listeners.*.h2c
#[tokio::test]
async fn grpc_needs_tls_on_neither_side() {
    let (address, seen, _origin) = plain_origin().await;
    let text = config(&[address], "    protocol: h2", ROUTES).replace("max_header: 16KiB", "h2c: true");
    let edge = Edge::start(&text);
    let mut client = handshake(TcpStream::connect(edge.address("plain")).await.unwrap()).await;
    let (response, mut request) = client.send_request(call(edge.plain("/shop.Cart/Watch")), false).unwrap();
    let mut body = response.await.unwrap().into_body();
    for message in ["first", "second"] {
        request.send_data(message.into(), false).unwrap();
        assert_eq!(next(&mut body).await, message);
    }
    request.send_data(Bytes::new(), true).unwrap();
    while body.data().await.is_some() {}
    assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    {
        let heads = seen.heads.lock().unwrap();
        let authority = edge.address("plain").to_string();
        assert_eq!((heads.len(), heads[0].uri.authority().map(|it| it.as_str())), (1, Some(authority.as_str())));
        assert_eq!(heads[0].headers["x-forwarded-proto"], "http");
    }
    edge.wait_for_access(r#""protocol":"HTTP/2""#).await;
}

/// Key: pools.*.protocol
#[tokio::test]
async fn a_pool_of_http2_is_spoken_to_in_nothing_else() {
    let authority = Authority::new();
    let tls = format!("    protocol: h2\n    tls: {{server_name: shop.internal, ca: {}}}", authority.file().display());
    let shown = authority.sign("shop", &["shop.internal"]);
    let seen = Seen::default();
    let sees = seen.clone();
    let config_of = |protocols: &[&str]| server(&shown, None, protocols);
    let good = TlsOrigin::start(config_of(&["h2", "http/1.1"]), move |io| serve(io, sees.clone())).await;
    let edge = Edge::start(&config(&[good.address], &format!("{tls}\n    health: {{http: /healthz}}"), ROUTES));
    let client = edge.client().http1_only().build().unwrap();
    for path in ["/a", "/kept/a", "/kept/a"] {
        let answer = client.get(edge.plain(path)).header("cookie", "a=1; b=2").send().await.unwrap();
        assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_11), "{path}");
        answer.bytes().await.unwrap();
    }
    let asked: Vec<_> =
        seen.heads.lock().unwrap().iter().filter(|head| head.uri.path() != "/healthz").cloned().collect();
    assert_eq!(asked.iter().map(|head| head.uri.path()).collect::<Vec<_>>(), ["/a", "/kept/a"]);
    assert!(asked.iter().all(|head| head.version == Version::HTTP_2 && head.uri.scheme_str() == Some("https")));
    // A server that agrees on HTTP/1.1 alone, and one that agrees on nothing.
    for protocols in [&["http/1.1"][..], &[]] {
        let old = TlsOrigin::start(config_of(protocols), |mut io| async move {
            use tokio::io::AsyncWriteExt;
            io.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.ok();
        })
        .await;
        let edge = Edge::start(&config(&[old.address], &tls, ROUTES));
        let answer = edge.client().build().unwrap().get(edge.plain("/a")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{protocols:?}");
    }
}

#[tokio::test]
async fn health_checks_speak_http2_without_tls_too() {
    let (address, seen, _origin) = plain_origin().await;
    let pool = "    protocol: h2\n    health: {http: /healthz, interval: 400ms, timeout: 400ms, down_after: 2}";
    let edge = Edge::start(&config(&[address], pool, ROUTES));
    crate::world::wait_until("three checks", async || seen.heads.lock().unwrap().len() >= 3).await;
    assert!(!edge.log_text().contains("endpoint is down"), "{}", edge.log_text());
}
