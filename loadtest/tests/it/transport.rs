//! TLS, trust, and both versions of HTTP.

use http::Version;

use crate::program::{Program, one_page};
use crate::server::{Server, identity, ok};

/// Says `ok` and, in a header, what it was asked with.
async fn tls_server(protocols: &[&str]) -> (Server, String) {
    let identity = identity(protocols);
    let server = Server::start_tls(&identity, |request| async move {
        let host = match request.version() {
            Version::HTTP_2 => request.uri().authority().map(ToString::to_string),
            _ => request.headers().get("host").map(|host| host.to_str().unwrap().to_owned()),
        };
        ok(if host.is_some_and(|host| host.starts_with("localhost:")) { "ok" } else { "no host" })
    })
    .await;
    (server, identity.ca_pem)
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_agrees_on_the_protocol() {
    let (both, ca) = tls_server(&["h2", "http/1.1"]).await;
    for (http, protocol) in [("auto", "HTTP/2"), ("2", "HTTP/2"), ("1", "HTTP/1.1")] {
        let program = Program::run(&both.tls_url(), &one_page("3s"), "50", "1s").file("ca.pem", &ca);
        let run = program.with(&["--ca", "ca.pem", "--http", http]).finish().await;
        run.assert_met_or_void();
        assert_eq!((run.report["http"].as_str(), run.number("/total/failed")), (Some(protocol), 0.0), "{}", run.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_multiplexes_over_few_connections() {
    let (server, ca) = tls_server(&["h2"]).await;
    let program = Program::run(&server.tls_url(), &one_page("3s"), "100", "1s").file("ca.pem", &ca);
    let run = program.with(&["--ca", "ca.pem", "--connections", "3"]).finish().await;
    assert_eq!(
        (run.number("/total/failed"), run.number("/generator/connections_opened")),
        (0.0, 3.0),
        "{}",
        run.stdout
    );
    assert_eq!(server.connections(), 4, "the preflight's and three");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_without_the_wanted_protocol_is_refused() {
    let (server, ca) = tls_server(&["http/1.1"]).await;
    let program = || Program::run(&server.tls_url(), &one_page("3s"), "50", "1s").file("ca.pem", &ca);
    let run = program().with(&["--ca", "ca.pem", "--http", "2"]).finish().await;
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(run.stderr.contains("tls: "), "{}", run.stderr);
    let run = program().with(&["--ca", "ca.pem"]).finish().await;
    assert_eq!(run.report["http"], "HTTP/1.1");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_2_needs_prior_knowledge() {
    let server =
        Server::start(|request| async move { ok(if request.version() == Version::HTTP_2 { "ok" } else { "" }) });
    let server = server.await;
    let run = Program::run(&server.url(), &one_page("3s"), "50", "1s").with(&["--http", "2"]).finish().await;
    assert_eq!((run.report["http"].as_str(), run.number("/total/failed")), (Some("HTTP/2"), 0.0), "{}", run.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_named_authority_is_trusted() {
    let (server, ca) = tls_server(&["h2"]).await;
    let another = identity(&[]).ca_pem;
    let run = Program::run(&server.tls_url(), &one_page("3s"), "50", "1s")
        .file("another.pem", &another)
        .with(&["--ca", "another.pem"])
        .finish()
        .await;
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(run.stderr.contains("--ca FILE"), "{}", run.stderr);
    // The certificate is for localhost, not for 127.0.0.1.
    let run = Program::run(&server.tls_url().replace("localhost", "127.0.0.1"), &one_page("3s"), "50", "1s")
        .file("ca.pem", &ca)
        .with(&["--ca", "ca.pem"])
        .finish()
        .await;
    assert_eq!(run.code, 3, "{}", run.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demos_authority_is_found_where_the_demo_keeps_it() {
    let (server, ca) = tls_server(&["h2"]).await;
    let program = Program::run(&server.tls_url(), &one_page("3s"), "50", "1s");
    let run = program.finish().await;
    assert_eq!(run.code, 3, "{}", run.stdout);
    assert!(run.stderr.contains("there is no state/tls/ca.pem here"), "{}", run.stderr);
    let run = program.file("state/tls/ca.pem", &ca).finish().await;
    assert_eq!(run.number("/total/failed"), 0.0, "{}", run.stdout);
}
