//! TLS towards clients, by clients that look closely.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    authority::{Authority, Pair, Renewable, put},
    origin::Origin,
    wire::Wire,
    world::{Edge, LONG, wait_until},
};

/// An edge whose TLS listeners are `listeners`, a name and its `tls` each; everything goes to `origin`, `/partners` for
/// clients with a certificate where `partners` says so.
fn start(listeners: &[(&str, String)], origin: SocketAddr, partners: bool) -> Edge {
    Edge::start(&text(listeners, origin, partners))
}

fn text(listeners: &[(&str, String)], origin: SocketAddr, partners: bool) -> String {
    let listener = |(name, tls): &(&str, String)| format!("  {name}: {{bind: \"127.0.0.1:0\", tls: {{{tls}}}}}\n");
    let listeners: String = listeners.iter().map(listener).collect();
    let demand = if partners { ", client_certificate: required" } else { "" };
    format!(
        "version: 1\nprocess: {{workers: 2}}\nlisteners:\n{listeners}admin: {{bind: \"127.0.0.1:0\"}}\nclasses: [core]\n\
         pools: {{origin: {{endpoints: [\"{origin}\"]}}}}\nroutes:\n  - {{name: all, match: {{path: /**}}, pool: origin, class: core}}\n  \
         - {{name: partners, match: {{path: /partners}}, pool: origin, class: core{demand}}}\n\
         telemetry: {{access_log: {{to: \"file:access.log\"}}}}\n"
    )
}

fn certificate(names: &str, Pair { chain, key }: &Pair) -> String {
    format!("{{names: [{names}], chain: \"{}\", key: \"{}\"}}", chain.display(), key.display())
}

fn one(names: &str, pair: &Pair) -> String {
    format!("certificates: [{}]", certificate(names, pair))
}

#[tokio::test]
async fn the_name_chooses_the_certificate_and_a_wrong_one_an_alert() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let shop = authority.sign("shop", &["shop.example", "*.shop.example"]);
    let other = authority.sign("other", &["other.example", "127.0.0.1"]);
    let shop_tls = certificate("shop.example, \"*.shop.example\"", &shop);
    let both = format!("certificates: [{shop_tls}, {}]", certificate("other.example, 127.0.0.1", &other));
    let edge = start(&[("secure", both)], origin.address, false);
    let (client, address) = (authority.client(), edge.address("secure"));
    // `127.0.0.1` names no server in the handshake, and is found by the address of the connection.
    for name in ["shop.example", "a.shop.example", "A.Shop.Example", "other.example", "127.0.0.1"] {
        assert_eq!(client.ask(address, name).await.unwrap().0, 200, "{name}");
    }
    for name in ["none.example", "a.b.shop.example", "example"] {
        let error = client.connect(address, name).await.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("UnrecognisedName"), "{name}: {error}");
    }
    edge.wait_for_metric(r#"floodgate_tls_handshake_failures_total{reason="unknown_name"} 3"#).await;
}

#[tokio::test]
async fn an_address_of_version_6_is_a_name_like_others() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let (first, six) = (authority.sign("first", &["first.example"]), authority.sign("six", &["::1"]));
    let both = format!("certificates: [{}, {}]", certificate("first.example", &first), certificate("\"[::1]\"", &six));
    let text = text(&[("secure", both)], origin.address, false);
    let edge = Edge::start(&text.replace("secure: {bind: \"127.0.0.1:0\"", "secure: {bind: \"[::1]:0\""));
    let mut connected = authority.client().connect(edge.address("secure"), "::1").await.unwrap();
    for (host, status) in [("[::1]", 200), ("[0:0::0:1]", 200), ("[::2]", 421), ("first.example", 421)] {
        assert_eq!(connected.get(host, "/").await.unwrap().0, status, "{host}");
    }
}

#[tokio::test]
async fn a_connection_serves_the_hosts_of_its_certificate_alone() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let shop = authority.sign("shop", &["*.shop.example"]);
    let other = authority.sign("other", &["other.example"]);
    let shop_tls = certificate("\"*.shop.example\"", &shop);
    let both = format!("certificates: [{shop_tls}, {}]", certificate("other.example", &other));
    let edge = start(&[("secure", both)], origin.address, false);
    let mut connected = authority.client().connect(edge.address("secure"), "a.shop.example").await.unwrap();
    // As browsers do with one connection for all hosts of a wildcard.
    for (host, status) in [
        ("a.shop.example", 200),
        ("b.shop.example", 200),
        ("other.example", 421),
        ("B.shop.example", 200),
        ("none.example", 421),
        ("a.b.shop.example", 421),
    ] {
        assert_eq!(connected.get(host, "/").await.unwrap().0, status, "{host}");
    }
}

#[tokio::test]
async fn a_browser_may_ask_for_all_hosts_of_a_certificate_over_one_connection() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let shop = authority.sign("shop", &["shop.example", "*.shop.example"]);
    let shop_tls = certificate("shop.example, \"*.shop.example\"", &shop);
    let other = certificate("other.example", &authority.sign("other", &["other.example"]));
    let edge = start(&[("secure", format!("certificates: [{shop_tls}, {other}]"))], origin.address, false);
    let client = authority.client().offering(&["h2"]);
    let connected = client.connect(edge.address("secure"), "www.shop.example").await.unwrap();
    let io = hyper_util::rt::TokioIo::new(connected.0);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(hyper_util::rt::TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    for (host, status) in
        [("www.shop.example", 200), ("img.shop.example", 200), ("shop.example", 200), ("other.example", 421)]
    {
        let body = http_body_util::Empty::<bytes::Bytes>::new();
        let request = http::Request::get(format!("https://{host}/")).body(body).unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), status, "{host}");
    }
    edge.wait_for_metric(r#"floodgate_tls_handshakes_total{resumed="false",version="1.3"} 1"#).await;
}

/// Key: listeners.*.tls.min_version
#[tokio::test]
async fn versions_older_than_the_oldest_are_refused() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let newest = format!("{tls}, min_version: \"1.3\"");
    let edge = start(&[("usual", tls), ("newest", newest)], origin.address, false);
    let old = authority.client_with(None, &[&rustls::version::TLS12]);
    let new = authority.client_with(None, &[&rustls::version::TLS13]);
    assert_eq!(old.ask(edge.address("usual"), "shop.example").await.unwrap().0, 200);
    assert_eq!(new.ask(edge.address("usual"), "shop.example").await.unwrap().0, 200);
    assert_eq!(new.ask(edge.address("newest"), "shop.example").await.unwrap().0, 200);
    let error = old.connect(edge.address("newest"), "shop.example").await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("ProtocolVersion"), "{error}");
    edge.wait_for_metric(r#"floodgate_tls_handshakes_total{resumed="false",version="1.2"} 1"#).await;
    edge.wait_for_metric(r#"floodgate_tls_handshake_failures_total{reason="incompatible"} 1"#).await;
    let line = edge.wait_for_access(r#""tls":{"version":"1.2","cipher":"TLS_ECDHE_"#).await;
    assert!(line.contains(r#""resumed":false,"sni":"shop.example""#), "{line}");
}

#[tokio::test]
async fn a_client_that_offers_only_what_is_not_spoken_is_told_so() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let edge = start(&[("secure", format!("{tls}, protocols: [http/1.1]"))], origin.address, false);
    let client = authority.client();
    let offer =
        async |protocols: &[&str]| client.offering(protocols).connect(edge.address("secure"), "shop.example").await;
    let error = offer(&["h2"]).await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    let connected = offer(&["h2", "http/1.1"]).await.unwrap();
    assert_eq!(connected.0.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

/// Key: listeners.*.tls.handshake_timeout
#[tokio::test]
async fn a_handshake_that_does_not_come_to_its_end_is_ended() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let edge = start(&[("secure", format!("{tls}, handshake_timeout: 300ms"))], origin.address, false);
    // A record that says how long it is going to be, and then nothing.
    for beginning in [&b""[..], &[22, 3, 1, 2, 0, 1, 0]] {
        let mut tcp = TcpStream::connect(edge.address("secure")).await.unwrap();
        tcp.write_all(beginning).await.unwrap();
        let mut rest = Vec::new();
        tokio::time::timeout(LONG, tcp.read_to_end(&mut rest)).await.expect("it is closed").ok();
    }
    edge.wait_for_metric(r#"floodgate_tls_handshake_failures_total{reason="timeout"} 2"#).await;
}

#[tokio::test]
async fn whatever_is_sent_in_place_of_a_handshake_ends_the_connection_alone() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let edge = start(&[("secure", tls)], origin.address, false);
    let mut random = vec![0; 4096];
    rand::RngCore::fill_bytes(&mut rand::rng(), &mut random);
    let hello = [&[22, 3, 1, 0, 9, 1, 0, 0, 5, 3, 3][..], &[0; 3]].concat();
    let huge = [&[22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff][..], &[0; 16_379]].concat();
    for garbage in
        [b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n".to_vec(), random, hello, huge, vec![21, 3, 1, 0, 2, 2, 0]]
    {
        let mut tcp = TcpStream::connect(edge.address("secure")).await.unwrap();
        tcp.write_all(&garbage).await.ok();
        tcp.shutdown().await.ok();
        let mut answer = Vec::new();
        tokio::time::timeout(LONG, tcp.read_to_end(&mut answer)).await.expect("it is closed").ok();
        assert!(answer.is_empty() || answer[0] == 21, "an alert or nothing: {answer:?}");
    }
    assert_eq!(authority.client().ask(edge.address("secure"), "shop.example").await.unwrap().0, 200);
    assert!(!edge.metrics().await.contains(r#"floodgate_tls_handshake_failures_total{reason="malformed"} 0"#));
    let log = edge.log_text();
    let (_, after) = log.split_once("the edge is ready").unwrap();
    assert!(!after.contains("WARN"), "what anybody can provoke fills no log:\n{log}");
}

fn write_key(folder: &Path, name: &str, byte: u8) {
    let file = folder.join(name);
    fs::write(&file, [byte; 80]).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Key: listeners.*.tls.tickets
/// Key: listeners.*.tls.tickets.keys
#[tokio::test]
async fn every_edge_with_the_keys_resumes_what_another_began() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let keys = tempfile::tempdir().unwrap();
    write_key(keys.path(), "1.key", 1);
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let shared = format!("{tls}, tickets: {{keys: \"{}\"}}", keys.path().display());
    let edges = [
        start(&[("secure", shared.clone())], origin.address, false),
        start(&[("secure", shared)], origin.address, false),
    ];
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = authority.client_with(None, &[version]);
        let mut resumed = 0;
        for n in 0..=50 {
            let address = edges[n % 2].address("secure");
            resumed += u32::from(client.ask(address, "shop.example").await.unwrap() == (200, true));
        }
        assert_eq!(resumed, 50, "all but the first, {version:?}");
    }
    let stranger = start(&[("secure", tls)], origin.address, false);
    let client = authority.client();
    client.ask(edges[0].address("secure"), "shop.example").await.unwrap();
    assert_eq!(client.ask(stranger.address("secure"), "shop.example").await.unwrap(), (200, false), "keys of its own");

    // The keys go round: a new one comes, and then the old one goes.
    let address = edges[0].address("secure");
    let client = authority.client_with(None, &[&rustls::version::TLS12]);
    client.ask(address, "shop.example").await.unwrap();
    write_key(keys.path(), "2.key", 2);
    edges[0].wait_for_log("were read anew");
    assert_eq!(client.ask(address, "shop.example").await.unwrap(), (200, true), "the old key opens");
    fs::remove_file(keys.path().join("1.key")).unwrap();
    wait_until("the old key is gone", async || edges[0].log_text().matches("were read anew").count() == 2).await;
    assert_eq!(client.ask(address, "shop.example").await.unwrap(), (200, false), "nothing opens it");
    assert_eq!(client.ask(address, "shop.example").await.unwrap(), (200, true), "the new key seals");
    fs::set_permissions(keys.path().join("2.key"), fs::Permissions::from_mode(0o644)).unwrap();
    edges[0].wait_for_log("others than its owner may read or change it");
    assert_eq!(client.ask(address, "shop.example").await.unwrap(), (200, true), "what was live before is kept");
}

#[tokio::test]
async fn own_ticket_keys_outlive_a_reload() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let edge = start(&[("secure", tls)], origin.address, false);
    let client = authority.client();
    let address = edge.address("secure");
    assert_eq!(client.ask(address, "shop.example").await.unwrap(), (200, false));
    for n in 1..=20 {
        if n == 10 {
            edge.signal("HUP");
            edge.wait_for_log("configuration reloaded");
        }
        assert_eq!(client.ask(address, "shop.example").await.unwrap(), (200, true), "{n}");
    }
}

/// Clients that come and go without a pause, and how many of them failed.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(authority: &Authority, address: SocketAddr, clients: usize) -> Self {
        let (stop, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicU32>::default());
        let run = |_| {
            let (stop, asked, client) = (Arc::clone(&stop), Arc::clone(&asked), authority.client());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let answer = client.ask(address, "shop.example").await;
                    assert_eq!(answer.map(|(status, _)| status).unwrap(), 200);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let clients = (0..clients).map(run).collect();
        Self { stop, asked, clients }
    }

    /// How many were answered; every one, or this panics.
    async fn end(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.expect("no request fails");
        }
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_under_load_and_nobody_notices() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let first = authority.sign("first", &["shop.example"]);
    let second = authority.sign("second", &["shop.example"]);
    // As Kubernetes does it: the files are links through a link that is replaced.
    let volume = tempfile::tempdir().unwrap();
    let at = |name: &str| volume.path().join(name);
    for (version, pair) in [("v1", &first), ("v2", &second)] {
        fs::create_dir(at(version)).unwrap();
        fs::copy(&pair.chain, at(version).join("tls.pem")).unwrap();
        fs::copy(&pair.key, at(version).join("tls.key")).unwrap();
    }
    symlink("v1", at("..data")).unwrap();
    symlink("..data/tls.pem", at("tls.pem")).unwrap();
    symlink("..data/tls.key", at("tls.key")).unwrap();
    let linked = Pair { chain: at("tls.pem"), key: at("tls.key") };
    let edge = start(&[("secure", one("shop.example", &linked))], origin.address, false);
    let address = edge.address("secure");
    let client = authority.client();
    let shown = async || client.connect(address, "shop.example").await.unwrap().shown();
    let mut standing = client.connect(address, "shop.example").await.unwrap();
    assert_eq!(standing.get("shop.example", "/").await.unwrap().0, 200);
    let before = shown().await;

    let load = Load::start(&authority, address, 4);
    symlink("v2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    wait_until("the second certificate is served", async || shown().await != before).await;
    let after = shown().await;

    // A renewal that is cut off half way, and then one whose key comes later than its chain.
    put(&at("v2/tls.pem"), "-----BEGIN CERTIFICATE-----\nMIIB");
    edge.wait_for_log("holds no PEM certificate; what was live before is kept");
    edge.wait_for_metric("floodgate_tls_broken_files 1").await;
    put(&at("v2/tls.pem"), &fs::read_to_string(&first.chain).unwrap());
    edge.wait_for_log("does not belong to the certificate");
    assert_eq!(shown().await, after);
    put(&at("v2/tls.key"), &fs::read_to_string(&first.key).unwrap());
    wait_until("the first certificate is back", async || shown().await == before).await;
    edge.wait_for_metric("floodgate_tls_broken_files 0").await;
    assert_eq!(standing.get("shop.example", "/").await.unwrap().0, 200, "the old connection stands");
    let asked = load.end().await;
    assert!(asked > 100, "{asked}");
    println!("{asked} handshakes and requests, none failed");
}

#[tokio::test]
async fn a_certificate_that_could_not_be_read_for_a_moment_is_read_again() {
    let origin = Origin::fixed("hello", &[]).await;
    let authority = Authority::new();
    let served = authority.sign("served", &["shop.example"]);
    let edge = start(&[("secure", one("shop.example", &served))], origin.address, false);
    let (address, client) = (edge.address("secure"), authority.client());
    let before = client.connect(address, "shop.example").await.unwrap().shown();
    let limit = edge.limit_descriptors(Some(0));
    authority.sign("served", &["shop.example"]);
    edge.wait_for_log("what was live before is kept");
    edge.limit_descriptors(limit);
    wait_until("the new one is served", async || {
        client.connect(address, "shop.example").await.unwrap().shown() != before
    })
    .await;
    edge.wait_for_metric("floodgate_tls_broken_files 0").await;
}

/// Key: listeners.*.tls.client_certificates
/// Key: listeners.*.tls.client_ca
/// Key: routes[].client_certificate
#[tokio::test]
async fn clients_prove_who_they_are_where_they_have_to() {
    let origin = Origin::fixed("hello", &[]).await;
    let (authority, partners) = (Authority::new(), Authority::new());
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let asking = |how: &str| format!("{tls}, client_certificates: {how}, client_ca: \"{}\"", partners.file().display());
    let listeners = [("open", tls.clone()), ("some", asking("optional")), ("all", asking("required"))];
    let edge = start(&listeners, origin.address, true);
    let good = partners.sign("good", &["partner.example"]);
    let expired = partners.sign_until("expired", &["late.example"], SystemTime::now() - Duration::from_secs(60));
    let stranger = Authority::new();
    let foreign = stranger.sign("foreign", &["partner.example"]);
    let status = async |listener: &str, shown: Option<&Pair>, path: &str| {
        let client = shown.map_or_else(|| authority.client(), |pair| authority.client_showing(pair));
        let mut connected = client.connect(edge.address(listener), "shop.example").await.ok()?;
        connected.get("shop.example", path).await.ok().map(|(status, _)| status)
    };
    for (listener, shown, path, expected) in [
        ("open", None, "/", Some(200)),
        ("open", Some(&good), "/partners", Some(403)),
        ("some", None, "/", Some(200)),
        ("some", None, "/partners", Some(403)),
        ("some", Some(&good), "/partners", Some(200)),
        ("some", Some(&expired), "/", None),
        ("some", Some(&foreign), "/", None),
        ("all", None, "/", None),
        ("all", Some(&good), "/", Some(200)),
        ("all", Some(&good), "/partners", Some(200)),
        ("all", Some(&expired), "/", None),
    ] {
        assert_eq!(status(listener, shown, path).await, expected, "{listener} {path}");
    }
    edge.wait_for_metric(r#"floodgate_tls_handshake_failures_total{reason="no_certificate"} 1"#).await;
    edge.wait_for_metric(r#"floodgate_tls_handshake_failures_total{reason="bad_certificate"} 3"#).await;
    edge.wait_for_metric(r#"floodgate_refusals_total{class="core",reason="no_client_certificate"} 2"#).await;

    for (listener, says) in [
        ("open", "403 no_client_certificate"),
        ("some", "only for   clients that show a certificate"),
        ("all", "from the cache if it is stored and fresh, else from the pool"),
    ] {
        let explain = std::process::Command::new(env!("CARGO_BIN_EXE_edge"))
            .arg("explain")
            .arg(edge.folder().join("edge.yaml"))
            .args(["https://shop.example/partners", "--listener", listener])
            .output();
        let explained = String::from_utf8(explain.unwrap().stdout).unwrap();
        assert!(explained.contains(says), "{listener}: {explained}");
    }

    // What origins are told is what was proven, and nothing that was claimed.
    let told: Vec<_> = origin.asked().iter().map(|asked| asked.headers().get("client-cert").cloned()).collect();
    let told: Vec<_> = told.iter().map(|field| field.as_ref().map(|field| field.to_str().unwrap())).collect();
    assert_eq!(told.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true, true, true], "{told:?}");
    assert!(told[2].unwrap().starts_with(":MII") && told[2].unwrap().ends_with(':'), "{told:?}");
    let log = fs::read_to_string(edge.folder().join("access.log")).unwrap();
    assert!(log.contains(r#""client":"CN=partner.example""#), "{log}");
}

#[tokio::test]
async fn a_connection_that_would_not_be_let_in_now_is_sent_to_a_new_one() {
    let origin = Origin::fixed("hello", &[]).await;
    let (authority, partners, others) = (Authority::new(), Authority::new(), Authority::new());
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let vouching = tempfile::tempdir().unwrap();
    let vouching = vouching.path().join("ca.pem");
    let pem = |authority: &Authority| fs::read_to_string(authority.file()).unwrap();
    put(&vouching, &pem(&partners));
    let edge = start(&[("secure", tls)], origin.address, false);
    let address = edge.address("secure");
    let reload = async |old: &str, new: &str, times: usize| {
        edge.rewrite_config(|text| text.replace(old, new));
        edge.signal("HUP");
        wait_until("it is live", async || edge.log_text().matches("configuration reloaded").count() == times).await;
    };
    let mut before = authority.client().connect(address, "shop.example").await.unwrap();
    reload("tls: {", &format!("tls: {{client_certificates: optional, client_ca: \"{}\", ", vouching.display()), 1)
        .await;
    reload("path: /partners}", "path: /partners}, client_certificate: required", 2).await;
    assert_eq!(before.get("shop.example", "/").await.unwrap().0, 200);
    assert_eq!(before.get("shop.example", "/partners").await.unwrap().0, 421, "it was not asked then");
    let partner = authority.client_showing(&partners.sign("p", &["partner.example"]));
    let mut partner = partner.connect(address, "shop.example").await.unwrap();
    assert_eq!(partner.get("shop.example", "/partners").await.unwrap().0, 200);
    assert!(before.get("shop.example", "/").await.is_err(), "it ended with that answer");
    let mut before = authority.client().connect(address, "shop.example").await.unwrap();
    assert_eq!(before.get("shop.example", "/partners").await.unwrap().0, 403, "it was asked");
    reload("optional", "required", 3).await;
    assert_eq!(before.get("shop.example", "/").await.unwrap().0, 421);

    // Another authority comes, and then the one that has vouched for the partner goes.
    put(&vouching, &(pem(&partners) + &pem(&others)));
    let other = authority.client_showing(&others.sign("o", &["other.example"]));
    wait_until("the other is let in", async || other.ask(address, "shop.example").await.is_ok()).await;
    assert_eq!(partner.get("shop.example", "/partners").await.unwrap().0, 200, "nothing has changed for it");
    put(&vouching, &pem(&others));
    wait_until("it is let in no longer", async || partner.get("shop.example", "/").await.unwrap().0 == 421).await;
}

/// The text of [`text`] with listeners at `address`, which outlives whatever its listener is called and does.
fn at(address: SocketAddr, listeners: &str, origin: SocketAddr) -> String {
    let listeners = listeners.replace("BIND", &format!("bind: \"{address}\""));
    text(&[], origin, false).replace("listeners:\n", &format!("listeners:\n{listeners}\n"))
}

#[tokio::test]
async fn a_connection_keeps_no_rules_that_its_address_has_no_longer() {
    const ASK: &str = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    let origin = Origin::fixed("hello", &[]).await;
    let (authority, partners) = (Authority::new(), Authority::new());
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let required = format!("{tls}, client_certificates: required, client_ca: \"{}\"", partners.file().display());
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let edge = Edge::start(&at(address, "  door: {BIND}", origin.address));
    let mut reloads = 0;
    let mut reload = async |listeners: String| {
        reloads += 1;
        edge.rewrite_config(|_| at(address, &listeners, origin.address));
        edge.signal("HUP");
        wait_until("it is live", async || edge.log_text().matches("configuration reloaded").count() == reloads).await;
    };

    // Plain, then only for clients with a certificate: under the same name, and under another.
    for name in ["door", "gate"] {
        let mut plain = Wire::connect(address).await;
        plain.send(ASK).await;
        assert!(plain.until("hello").await.starts_with("HTTP/1.1 200"), "{name}");
        reload(format!("  {name}: {{BIND, tls: {{{required}}}}}")).await;
        plain.send(ASK).await;
        let refused = plain.rest().await.to_lowercase();
        assert!(refused.starts_with("http/1.1 421") && refused.contains("connection: close"), "{name}: {refused}");
        let partner = authority.client_showing(&partners.sign("p", &["partner.example"]));
        assert_eq!(partner.ask(address, "shop.example").await.unwrap().0, 200);
        reload("  door: {BIND}".to_owned()).await;
    }

    // Renamed, and only for clients with a certificate from then on.
    reload(format!("  door: {{BIND, tls: {{{tls}}}}}")).await;
    let mut stranger = authority.client().connect(address, "shop.example").await.unwrap();
    assert_eq!(stranger.get("shop.example", "/").await.unwrap().0, 200);
    reload(format!("  gate: {{BIND, tls: {{{tls}}}}}")).await;
    assert_eq!(stranger.get("shop.example", "/").await.unwrap().0, 200, "a name is nothing to a client");
    reload(format!("  gate: {{BIND, tls: {{{required}}}}}")).await;
    assert_eq!(stranger.get("shop.example", "/").await.unwrap().0, 421);

    // TLS no longer.
    let partner = authority.client_showing(&partners.sign("p", &["partner.example"]));
    let mut partner = partner.connect(address, "shop.example").await.unwrap();
    assert_eq!(partner.get("shop.example", "/").await.unwrap().0, 200);
    reload("  gate: {BIND}".to_owned()).await;
    assert_eq!(partner.get("shop.example", "/").await.unwrap().0, 421);
    edge.wait_for_metric(r#"floodgate_refusals_total{class="-",reason="outdated_connection"} 4"#).await;
}

#[tokio::test]
async fn what_was_answered_to_one_client_is_not_served_to_another() {
    const FIELDS: &[(&str, &str)] = &[("cache-control", "max-age=60"), ("vary", "client-cert")];
    let origin = Origin::start(|asked| async move {
        let who = asked.headers().get("client-cert").map_or("nobody".into(), |field| field.as_bytes().to_vec());
        crate::origin::response(200, who, FIELDS)
    });
    let origin = origin.await;
    let (authority, partners) = (Authority::new(), Authority::new());
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let asking = format!("{tls}, client_certificates: optional, client_ca: \"{}\"", partners.file().display());
    let text = text(&[("secure", asking)], origin.address, false);
    let text = text
        .replace("{name: all, ", "{name: all, cache: {zone: pages}, ")
        .replace("routes:", "zones: {pages: {memory: 16MiB}}\nroutes:");
    let edge = Edge::start(&text);
    let clients = [
        authority.client(),
        authority.client_showing(&partners.sign("a", &["a.example"])),
        authority.client_showing(&partners.sign("b", &["b.example"])),
    ];
    let mut answers = Vec::new();
    for client in clients.iter().chain(&clients) {
        let mut connected = client.connect(edge.address("secure"), "shop.example").await.unwrap();
        answers.push(connected.get("shop.example", "/").await.unwrap().1);
    }
    assert_eq!(answers[..3], answers[3..]);
    assert!(answers[0] == "nobody" && answers[1].starts_with(":mii") && answers[1] != answers[2], "{answers:?}");
    assert_eq!(origin.asked().len(), 3, "the second time, each has its own from the cache");
}

#[tokio::test]
async fn a_resumed_session_proves_no_more_than_it_did() {
    let origin = Origin::fixed("hello", &[]).await;
    let (authority, partners) = (Authority::new(), Authority::new());
    let keys = tempfile::tempdir().unwrap();
    write_key(keys.path(), "1.key", 1);
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let tls = format!("{tls}, tickets: {{keys: \"{}\"}}", keys.path().display());
    let required = format!("{tls}, client_certificates: required, client_ca: \"{}\"", partners.file().display());
    let edge = start(&[("open", tls), ("all", required)], origin.address, true);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        // The same keys, and yet a session from where nobody is asked gives no way in.
        let nobody = authority.client_with(None, &[version]);
        assert_eq!(nobody.ask(edge.address("open"), "shop.example").await.unwrap().0, 200);
        assert!(nobody.ask(edge.address("all"), "shop.example").await.is_err());

        let soon = SystemTime::now() + Duration::from_secs(4);
        let partner = authority.client_with(Some(&partners.sign_until("p", &["partner.example"], soon)), &[version]);
        assert_eq!(partner.ask(edge.address("all"), "shop.example").await.unwrap(), (200, false));
        assert_eq!(partner.ask(edge.address("all"), "shop.example").await.unwrap(), (200, true));
        wait_until("its certificate expires", async || SystemTime::now() > soon + Duration::from_secs(1)).await;
        assert!(partner.ask(edge.address("all"), "shop.example").await.is_err(), "verified anew");
    }
}

#[tokio::test]
async fn who_has_renewed_its_certificate_is_not_held_to_the_session_of_the_old_one() {
    let origin = Origin::fixed("hello", &[]).await;
    let (authority, partners) = (Authority::new(), Authority::new());
    let tls = one("shop.example", &authority.sign("shop", &["shop.example"]));
    let tls = |how: &str| format!("{tls}, client_certificates: {how}, client_ca: \"{}\"", partners.file().display());
    let edge = start(&[("all", tls("required")), ("some", tls("optional"))], origin.address, true);
    let soon = SystemTime::now() + Duration::from_secs(6);
    let (old, new) = (partners.sign_until("old", &["p.example"], soon), partners.sign("new", &["p.example"]));
    let mut clients = Vec::new();
    for (listener, version) in [
        ("all", &rustls::version::TLS12),
        ("all", &rustls::version::TLS13),
        ("some", &rustls::version::TLS12),
        ("some", &rustls::version::TLS13),
    ] {
        let address = edge.address(listener);
        let shown = Renewable::new(&old);
        let partner = authority.client_with(None, &[version]).showing(Arc::clone(&shown));
        assert_eq!(partner.ask(address, "shop.example").await.unwrap(), (200, false));
        assert_eq!(partner.ask(address, "shop.example").await.unwrap(), (200, true));
        let mut standing = partner.connect(address, "shop.example").await.unwrap();
        assert_eq!(standing.get("shop.example", "/partners").await.unwrap().0, 200);
        clients.push((address, shown, partner, standing));
    }
    wait_until("it expires", async || SystemTime::now() > soon + Duration::from_secs(1)).await;
    for (address, shown, partner, mut standing) in clients {
        assert_eq!(standing.get("shop.example", "/").await.unwrap().0, 421);
        shown.renew(&new);
        assert_eq!(partner.ask(address, "shop.example").await.unwrap(), (200, false));
        assert_eq!(partner.ask(address, "shop.example").await.unwrap(), (200, true));
    }
}
