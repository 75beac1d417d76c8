//! The main job from end to end: the shipped configuration, real shop processes, and a shopper who buys something.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use http::StatusCode;
use reqwest::{Client, Response};

use crate::world::{Edge, wait_until};

const SHIPPED: &str = include_str!("../../../config/edge.yaml");

/// A process of the shop's program, ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The shop's program, which cargo puts beside the edge's.
fn shop_origin() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_edge")).with_file_name("shop-origin");
    assert!(program.exists(), "{} is not built; hint: cargo build -p shop-origin", program.display());
    program
}

/// Starts a server of the shop's program and waits until it says where it listens.
fn serve(arguments: &[&str]) -> (Process, SocketAddr) {
    let mut child =
        Command::new(shop_origin()).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let process = Process(child);
    let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
    let address =
        lines.find_map(|line| line.strip_prefix("listening on http://").map(|address| address.parse().unwrap()));
    (process, address.unwrap_or_else(|| panic!("{arguments:?} ended before it listened")))
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Two shop processes on one state folder, a payment provider, and the edge in front with its shipped configuration.
struct Shop {
    state: tempfile::TempDir,
    edge: Edge,
    processes: Vec<Process>,
}

impl Shop {
    fn open() -> Self {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().to_str().unwrap();
        let seeded = Command::new(shop_origin()).args(["seed", "--state", folder, "--scale", "60"]).output().unwrap();
        assert!(seeded.status.success(), "{seeded:?}");
        // Shop and provider name each other, and the shop names the edge: these two addresses are chosen beforehand.
        let (public, provider) = (free_address(), free_address());
        let public_url = format!("https://localhost:{}", public.port());
        let provider_url = format!("http://{provider}");
        let shop = ["serve", "--state", folder, "--listen", "127.0.0.1:0", "--public-url", &public_url];
        let shop = [&shop[..], &["--payment-provider", &provider_url]].concat();
        let (first, first_address) = serve(&shop);
        let (second, second_address) = serve(&shop);
        let webhook = format!("http://{first_address}/payment/webhook/simulator");
        let key = format!("{folder}/pay.key");
        let provider = provider.to_string();
        let (paying, _) =
            serve(&["pay-simulator", "--listen", &provider, "--webhook", &webhook, "--secret-file", &key]);
        std::fs::write(state.path().join("admin-token"), "correct-horse-battery-staple").unwrap();
        let config = [
            ("127.0.0.1:8080", "127.0.0.1:0".to_owned()),
            ("127.0.0.1:8443", public.to_string()),
            ("127.0.0.1:9901", "127.0.0.1:0".to_owned()),
            ("127.0.0.1:9101", first_address.to_string()),
            ("127.0.0.1:9102", second_address.to_string()),
            ("../state/tls/", "tls/".to_owned()),
            ("../state/secrets/", format!("{folder}/")),
            ("../state/log/", String::new()),
        ];
        let config = config.iter().fold(SHIPPED.to_owned(), |text, (shipped, here)| {
            assert!(text.contains(shipped), "the shipped configuration no longer names {shipped}");
            text.replace(shipped, here)
        });
        Self { state, edge: Edge::start(&config), processes: vec![first, second, paying] }
    }

    fn audit(&self) {
        let folder = self.state.path().to_str().unwrap();
        let audit = Command::new(shop_origin()).args(["audit", "--state", folder]).output().unwrap();
        assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
    }
}

/// The value of the first attribute `value` after `name="..."` in a page.
fn value_of(page: &str, name: &str) -> String {
    let (_, after) = page.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name} in {page}"));
    let (_, after) = after.split_once("value=\"").unwrap();
    after.split_once('"').unwrap().0.to_owned()
}

/// Paths of the products that a page links to, each once.
fn products_on(page: &str) -> Vec<String> {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut products: Vec<_> = links.filter(|link| link.starts_with("/product/")).map(str::to_owned).collect();
    products.sort();
    products.dedup();
    products
}

fn location(answer: &Response) -> String {
    answer.headers()["location"].to_str().unwrap().to_owned()
}

/// A browser as far as buying needs one.
struct Shopper<'a> {
    edge: &'a Edge,
    client: Client,
}

impl Shopper<'_> {
    async fn see(&self, path: &str) -> Response {
        let answer = self.client.get(self.url(path)).header("accept", "text/html").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer
    }

    async fn send(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let origin = self.edge.secure("");
        let answer = self.client.post(self.url(path)).header("origin", origin).form(form).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path} {form:?}: {:?}", answer.text().await);
        answer
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("https://") { path.to_owned() } else { self.edge.secure(path) }
    }

    /// Sees a page twice: the second time it comes from the cache.
    async fn browse(&self, path: &str) -> String {
        let first = self.see(path).await;
        assert!(first.headers()["cache-status"].to_str().unwrap().contains("fwd=uri-miss; stored"), "{first:?}");
        let page = first.text().await.unwrap();
        let second = self.see(path).await;
        assert!(second.headers()["cache-status"].to_str().unwrap().starts_with("floodgate; hit"), "{second:?}");
        assert_eq!(second.text().await.unwrap(), page);
        page
    }

    /// Buys one piece of a product and pays it; returns the order's path.
    async fn buy(&self, product: &str) -> String {
        let page = self.browse(product).await;
        let account = [("email", "demo@example.com"), ("password", "open sesame"), ("next", "/cart")];
        assert!(location(&self.send("/login", &account).await).ends_with("/cart"));
        self.send("/cart/lines", &[("sku", &value_of(&page, "sku")), ("quantity", "1")]).await;
        let checkout = self.see("/checkout").await.text().await.unwrap();
        let order = self
            .send(
                "/checkout",
                &[
                    ("idempotency_key", &value_of(&checkout, "idempotency_key")),
                    ("quote", &value_of(&checkout, "quote")),
                    ("recipient", "A Shopper"),
                    ("phone", "13800000000"),
                    ("street", "1 Harbour Road"),
                    ("city", "Shanghai"),
                    ("region", "Shanghai"),
                    ("postcode", "200000"),
                    ("payment", "online"),
                ],
            )
            .await;
        let order = location(&order);
        let payment = location(&self.send(&format!("{order}/pay"), &[]).await);
        let paid = self.client.post(payment).form(&[("decision", "pay")]).send().await.unwrap();
        assert_eq!(paid.status(), StatusCode::SEE_OTHER);
        let back = location(&paid);
        assert!(back.starts_with(&self.edge.secure("/order/")), "{back}");
        self.see(&back).await;
        order
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shopper_browses_logs_in_buys_and_pays() {
    let mut shop = Shop::open();
    let home = Shopper { edge: &shop.edge, client: shop.edge.client().build().unwrap() }.browse("/").await;
    let products = products_on(&home);
    for (http1, product) in [(true, &products[0]), (false, &products[1])] {
        let client = shop.edge.client().cookie_store(true);
        let client = if http1 { client.http1_only() } else { client }.build().unwrap();
        let shopper = Shopper { edge: &shop.edge, client };
        let order = shopper.buy(product).await;
        wait_until("the order is paid", async || shopper.see(&order).await.text().await.unwrap().contains("Paid"))
            .await;
        let stranger = shop.edge.client().build().unwrap().get(shop.edge.secure(&order)).send().await.unwrap();
        assert_ne!(stranger.status(), StatusCode::OK, "somebody else's order");
    }
    shop.audit();
    // One shop process dies; nobody notices.
    drop(shop.processes.remove(0));
    let client = shop.edge.client().build().unwrap();
    for _ in 0..20 {
        let answer = client.get(shop.edge.secure("/cart")).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
}
