//! TLS towards the servers of a pool.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;

use crate::{
    authority::Authority,
    origin::{Origin, response},
    tls_origin::{TlsOrigin, server},
    world::{Edge, config, wait_until},
};

const ROUTES: &str = r#"
  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: unused, match: {path: /unused}, pool: origin, class: browse}
"#;

fn yesterday() -> SystemTime {
    SystemTime::now() - Duration::from_secs(86_400)
}

/// Answers with the name that it was asked for, and whether a client certificate was shown; counts connections.
async fn origin(config: ServerConfig) -> (TlsOrigin, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let origin = TlsOrigin::start(config, move |tls| {
        counted.fetch_add(1, Ordering::Relaxed);
        let session = tls.get_ref().1;
        let said = format!(
            "{} {}",
            session.server_name().unwrap_or("-"),
            if session.peer_certificates().is_some() { "known" } else { "unknown" }
        );
        async move {
            let service = service_fn(move |_: Request<Incoming>| {
                let answer: Response<Full<Bytes>> = response(200, said.clone(), &[]);
                async move { Ok::<_, std::convert::Infallible>(answer) }
            });
            // A client may leave at any time.
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tls), service).await.ok();
        }
    });
    (origin.await, connections)
}

fn tls(name: &str, authority: &Authority) -> String {
    format!("    tls: {{server_name: {name}, ca: {}}}", authority.file().display())
}

/// Key: pools.*.tls
/// Key: pools.*.tls.server_name
/// Key: pools.*.tls.ca
#[tokio::test]
async fn a_server_is_trusted_for_its_name_alone_and_only_if_its_authority_is() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (good, _) = origin(server(&ours.sign("shop", &["shop.internal"]), None, &["http/1.1"])).await;
    let (old, _) = origin(server(&ours.sign_until("old", &["old.internal"], yesterday()), None, &[])).await;
    let plain = Origin::fixed("plain", &[]).await;
    for (address, tls, expected) in [
        (good.address, tls("shop.internal", &ours), Ok("shop.internal unknown")),
        (good.address, tls("other.internal", &ours), Err("not valid for name \"other.internal\"")),
        (good.address, tls("shop.internal", &other), Err("UnknownIssuer")),
        (good.address, "    tls: {server_name: shop.internal}".to_owned(), Err("UnknownIssuer")),
        (old.address, tls("old.internal", &ours), Err("certificate expired")),
        (plain.address, tls("shop.internal", &ours), Err("corrupt message")),
    ] {
        let edge = Edge::start(&config(&[address], &tls, ROUTES));
        let answer = edge.client().build().unwrap().get(edge.plain("/")).send().await.unwrap();
        match expected {
            Ok(body) => {
                assert_eq!(answer.status(), StatusCode::OK, "{tls}");
                assert_eq!(answer.text().await.unwrap(), body);
            }
            Err(reason) => {
                assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{tls}");
                let line = edge.wait_for_access(r#""status":502"#).await;
                assert!(line.contains(reason) || line.contains(&reason.replace('"', "\\\"")), "{tls}: {line}");
            }
        }
    }
    assert_eq!(plain.asked().len(), 0);
}

/// Key: pools.*.tls.certificate
/// Key: pools.*.tls.certificate.chain
/// Key: pools.*.tls.certificate.key
#[tokio::test]
async fn the_edge_shows_its_certificate_to_servers_that_ask_for_one() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let own = clients.sign("edge", &["edge.internal"]);
    let (strict, connections) = origin(server(&servers.sign("shop", &["shop.internal"]), Some(&clients), &[])).await;
    let plain_tls = tls("shop.internal", &servers);
    let shown = format!(
        "{}, certificate: {{chain: {}, key: {}}}}}",
        plain_tls.strip_suffix('}').unwrap(),
        own.chain.display(),
        own.key.display(),
    );
    let edge = Edge::start(&config(&[strict.address], &shown, ROUTES));
    let client = edge.client().build().unwrap();
    let get = async || {
        let answer = client.get(edge.plain("/")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get().await, (200, "shop.internal known".to_owned()));
    assert_eq!(get().await, (200, "shop.internal known".to_owned()));
    // A connection that was made with the certificate is not used without it.
    let made = connections.load(Ordering::Relaxed);
    assert!(made <= 2, "{made} connections for two requests");
    edge.rewrite_config(|text| text.replace(&shown, &plain_tls));
    edge.signal("HUP");
    wait_until("the server refuses the edge", async || get().await.0 == 502).await;
    // Nor is one whose authority is no longer trusted.
    edge.rewrite_config(|text| {
        text.replace(&plain_tls, &shown.replace(servers.file().to_str().unwrap(), clients.file().to_str().unwrap()))
    });
    edge.signal("HUP");
    edge.wait_for_log("configuration reloaded");
    wait_until("the reason is another one", async || {
        assert_eq!(get().await.0, 502);
        edge.wait_for_access("502").await.contains("UnknownIssuer")
    })
    .await;
}

#[tokio::test]
async fn health_checks_speak_tls_as_requests_do() {
    let (ours, other) = (Authority::new(), Authority::new());
    let (good, connections) = origin(server(&ours.sign("shop", &["shop.internal"]), None, &["http/1.1"])).await;
    let health = "    health: {http: /healthz, interval: 400ms, timeout: 400ms, down_after: 2}";
    let edge = Edge::start(&config(&[good.address], &format!("{}\n{health}", tls("shop.internal", &ours)), ROUTES));
    wait_until("four checks", async || connections.load(Ordering::Relaxed) >= 4).await;
    let answer = edge.client().build().unwrap().get(edge.plain("/")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(!edge.log_text().contains("endpoint is down"), "{}", edge.log_text());
    edge.rewrite_config(|text| text.replace(ours.file().to_str().unwrap(), other.file().to_str().unwrap()));
    edge.signal("HUP");
    // The origin answers on this very thread.
    wait_until("the endpoint is down", async || edge.log_text().contains("endpoint is down")).await;
    let line = edge.wait_for_log("endpoint is down").remove(0);
    assert!(line.contains("UnknownIssuer"), "{line}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_shown_where_they_are_named() {
    let ours = Authority::new();
    let old = ours.sign_until("old", &["edge"], yesterday());
    let other = ours.sign("other", &["edge"]);
    let folder = tempfile::tempdir().unwrap();
    crate::world::make_certificate(&folder.path().join("tls"), "localhost");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("empty.pem"), "").unwrap();
    let file = at("edge.yaml");
    for (tls, place, reason) in [
        (format!("ca: {}", at("none.pem").display()), "pools.origin.tls.ca", "No such file"),
        (format!("ca: {}", at("empty.pem").display()), "pools.origin.tls.ca", "holds no PEM certificate"),
        (
            format!("certificate: {{chain: {}, key: {}}}", old.chain.display(), other.key.display()),
            "pools.origin.tls.certificate.key",
            "does not belong to the certificate",
        ),
        (
            format!("certificate: {{chain: {}, key: {}}}", old.chain.display(), old.key.display()),
            "pools.origin.tls.certificate.chain",
            "expired at",
        ),
    ] {
        let pool = format!("    tls: {{server_name: shop.internal, {tls}}}");
        std::fs::write(&file, config(&["127.0.0.1:9".parse().unwrap()], &pool, ROUTES)).unwrap();
        let check = Command::new(env!("CARGO_BIN_EXE_edge")).arg("check").arg(&file).output().unwrap();
        let said = String::from_utf8_lossy(&check.stderr).into_owned();
        assert!(!check.status.success() && said.contains(place) && said.contains(reason), "{tls}: {said}");
    }
}
