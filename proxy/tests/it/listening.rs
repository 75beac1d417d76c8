//! Where clients and operators connect, and what is believed of them.

use std::net::{Ipv4Addr, SocketAddr};

use http::{StatusCode, Version};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    origin::Origin,
    world::{Edge, LONG, config, make_certificate},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;

/// Key: listeners.*.tls
/// Key: listeners.*.tls.certificates
/// Key: listeners.*.tls.certificates[].names
/// Key: listeners.*.tls.certificates[].chain
/// Key: listeners.*.tls.certificates[].key
#[tokio::test]
async fn each_name_gets_its_certificate() {
    let origin = Origin::fixed("hello", &[]).await;
    let other = tempfile::tempdir().unwrap();
    make_certificate(other.path(), "shop.example");
    let (chain, key) = (other.path().join("localhost.pem"), other.path().join("localhost.key"));
    let second = format!(
        "certificates: [{{names: [shop.example], chain: \"{}\", key: \"{}\"}}, ",
        chain.display(),
        key.display()
    );
    let edge = Edge::start(&config(&[origin.address], "", ROUTES).replace("certificates: [", &second));
    let address = edge.address("secure");
    let authority = std::fs::read(other.path().join("ca.pem")).unwrap();
    let authority = reqwest::Certificate::from_pem(&authority).unwrap();
    // Each client trusts one authority alone.
    let theirs = reqwest::Client::builder().add_root_certificate(authority);
    let theirs = theirs.resolve("shop.example", address).resolve("localhost", address).timeout(LONG).build().unwrap();
    let ours = edge.client().resolve("shop.example", address).build().unwrap();
    let url = |name: &str| format!("https://{name}:{}/", address.port());
    assert_eq!(theirs.get(url("shop.example")).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(ours.get(url("localhost")).send().await.unwrap().status(), StatusCode::OK);
    assert!(theirs.get(url("localhost")).send().await.is_err());
    assert!(ours.get(url("shop.example")).send().await.is_err());
}

/// Key: listeners.*.tls.protocols
#[tokio::test]
async fn only_the_named_protocols_are_spoken() {
    let origin = Origin::fixed("hello", &[]).await;
    for (protocols, version) in [("[h2, http/1.1]", Version::HTTP_2), ("[http/1.1]", Version::HTTP_11)] {
        let tls = format!("    tls:\n      protocols: {protocols}\n");
        let edge = Edge::start(&config(&[origin.address], "", ROUTES).replace("    tls:\n", &tls));
        let answer = edge.client().build().unwrap().get(edge.secure("/")).send().await.unwrap();
        assert_eq!(answer.version(), version, "{protocols}");
    }
}

/// Key: listeners.*.idle_timeout
#[tokio::test]
async fn a_silent_connection_is_closed() {
    let origin = Origin::fixed("hello", &[]).await;
    let text = config(&[origin.address], "", ROUTES).replace("max_header: 16KiB}", "idle_timeout: 1s}");
    let edge = Edge::start(&text);
    let mut connection = TcpStream::connect(edge.address("plain")).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(LONG, connection.read_to_end(&mut answer)).await.expect("it is closed in time").unwrap();
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 200 ") && answer.contains("connection: keep-alive"), "{answer}");
}

/// Key: admin
/// Key: listeners.*.bind
/// Key: admin.bind
/// Key: admin
#[tokio::test]
async fn listeners_bind_where_they_are_told() {
    let origin = Origin::fixed("hello", &[]).await;
    let text = config(&[origin.address], "", ROUTES)
        .replacen("bind: [\"127.0.0.1:0\"], max_header", "bind: [\"127.0.0.2:0\"], max_header", 1)
        .replace("admin: {bind: \"127.0.0.1:0\"", "admin: {bind: \"127.0.0.3:0\"");
    let edge = Edge::start(&text);
    let ip = |listener: &str| match edge.address(listener) {
        SocketAddr::V4(address) => *address.ip(),
        SocketAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    };
    assert_eq!(["plain", "admin"].map(ip), [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3)]);
    let client = edge.client().build().unwrap();
    assert_eq!(client.get(edge.plain("/")).send().await.unwrap().status(), StatusCode::OK);
    assert!(edge.metrics().await.contains("floodgate_"));
}

/// Key: trusted_proxies
#[tokio::test]
async fn forwarding_fields_are_believed_of_trusted_proxies_alone() {
    let origin = Origin::fixed("hello", &[]).await;
    for (trusted, chain, scheme) in
        [("[\"127.0.0.0/8\"]", "198.51.100.7, 127.0.0.1", "https"), ("[\"10.0.0.0/8\"]", "127.0.0.1", "http")]
    {
        let text = config(&[origin.address], "", ROUTES);
        let edge = Edge::start(&text.replace("classes:", &format!("trusted_proxies: {trusted}\nclasses:")));
        let request = edge.client().build().unwrap().get(edge.plain("/"));
        request.header("x-forwarded-for", "198.51.100.7").header("x-forwarded-proto", "https").send().await.unwrap();
        let asked = origin.asked().pop().unwrap();
        let seen = ["x-forwarded-for", "x-forwarded-proto"].map(|name| asked.headers()[name].to_str().unwrap());
        assert_eq!(seen, [chain, scheme], "{trusted}");
    }
}
