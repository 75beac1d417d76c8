//! The smoke scenario from end to end, against a stand-in that keeps the shop's contract just as far as it is asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::program::Program;
use crate::server::{Answer, Server, identity, ok};

/// What the stand-in remembers.
#[derive(Default)]
struct Shop {
    visitors: AtomicUsize,
    /// SKU in the cart, by session.
    carts: Mutex<HashMap<String, u64>>,
    /// Session and idempotency key, by order.
    orders: Mutex<HashMap<String, (String, String)>>,
}

impl Shop {
    async fn answer(self: Arc<Shop>, request: Request<Incoming>) -> Answer {
        let (head, body) = request.into_parts();
        let path = head.uri.path_and_query().unwrap().as_str().to_owned();
        let body = body.collect().await.unwrap().to_bytes();
        match head.method {
            Method::POST => self.post(&path, &head.headers, &serde_json::from_slice(&body).unwrap()),
            _ => self.get(&path, &head.headers),
        }
    }

    fn get(&self, path: &str, headers: &HeaderMap) -> Answer {
        let mut parts = path[1..].split(['/', '?']);
        match (parts.next().unwrap(), parts.next(), parts.next()) {
            ("", None, None) => cached(
                r#"<link rel="stylesheet" href="/assets/style.0a.css"><p id="departments">
                <a href="/category/home-and-garden">Home</a> <a href="/category/toys">Toys</a></html>"#,
                "text/html",
            ),
            ("category", Some("home-and-garden" | "toys"), None) => cached("</html>", "text/html"),
            ("product", Some(id), None) => cached(&format!("<article data-product=\"{id}\">"), "text/html"),
            ("product", Some(id), Some("offer")) => personal(json!({"product": id.parse::<u64>().unwrap()})),
            ("search", Some(query), None) => {
                let query = query.strip_prefix("q=").unwrap().replace("%20", " ");
                cached(&format!("<input value=\"{query}\">"), "text/html")
            }
            ("fragment", Some("header"), None) => personal(json!({"name": null, "cart_count": 0})),
            ("assets", Some("style.0a.css"), None) => cached("body {}", "text/css"),
            // Every second product is sold out.
            ("api", Some("products"), Some(id)) => {
                let id: u64 = id.parse().unwrap();
                let stock = if id.is_multiple_of(2) { "in" } else { "out" };
                personal(
                    json!({"skus": [{"sku": id * 100 + 1, "stock": "out"}, {"sku": id * 100 + 2, "stock": stock}]}),
                )
            }
            ("api", Some("orders"), Some(number)) => {
                let owner = self.orders.lock().unwrap()[number].0.clone();
                assert_eq!(owner, session(headers), "somebody else's order");
                personal(json!({"number": number}))
            }
            _ => panic!("nothing at {path}"),
        }
    }

    fn post(&self, path: &str, headers: &HeaderMap, fields: &Value) -> Answer {
        match path {
            "/api/register" => {
                assert!(fields["email"].as_str().unwrap().ends_with("@example.com"));
                let mut answer = created(json!({"email": fields["email"]}));
                let sid = self.visitors.fetch_add(1, Ordering::SeqCst);
                let cookie = format!("sid=s{sid}; Path=/; HttpOnly; Secure; SameSite=Lax");
                answer.headers_mut().insert(SET_COOKIE, cookie.parse().unwrap());
                answer
            }
            "/api/cart/lines" => {
                let sku = fields["sku"].as_u64().unwrap();
                assert_eq!(sku % 200, 2, "an SKU that is in stock");
                self.carts.lock().unwrap().insert(session(headers), sku);
                personal(json!({"lines": [{"sku": sku, "quantity": fields["quantity"]}]}))
            }
            "/api/checkout" => {
                let sid = session(headers);
                self.carts.lock().unwrap().remove(&sid).unwrap();
                assert_eq!((fields["payment"].as_str(), fields["city"].as_str()), (Some("cod"), Some("Pudong")));
                let key = headers["idempotency-key"].to_str().unwrap().to_owned();
                let number = format!("H{sid}");
                self.orders.lock().unwrap().insert(number.clone(), (sid, key));
                created(json!({"number": number}))
            }
            _ => panic!("nothing at {path}"),
        }
    }
}

fn session(headers: &HeaderMap) -> String {
    headers[COOKIE].to_str().unwrap().strip_prefix("sid=").unwrap().to_owned()
}

fn cached(body: &str, kind: &str) -> Answer {
    let mut answer = ok(body.to_owned());
    answer.headers_mut().insert(CONTENT_TYPE, kind.parse().unwrap());
    answer.headers_mut().insert("cache-status", "stand-in; hit; ttl=5".parse().unwrap());
    answer
}

fn personal(body: Value) -> Answer {
    let mut answer = ok(body.to_string());
    answer.headers_mut().insert(CONTENT_TYPE, "application/json".parse().unwrap());
    answer.headers_mut().insert("cache-status", "stand-in; fwd=bypass".parse().unwrap());
    answer
}

fn created(body: Value) -> Answer {
    let mut answer = personal(body);
    *answer.status_mut() = StatusCode::CREATED;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn every_interaction_is_measured_and_every_order_is_in_the_journal() {
    for (http, arrival) in [("2", "constant"), ("1", "poisson")] {
        let shop = Arc::new(Shop::default());
        let identity = identity(&["h2", "http/1.1"]);
        let server = Server::start_tls(&identity, {
            let shop = shop.clone();
            move |request| shop.clone().answer(request)
        })
        .await;
        let run = Program::run(&server.tls_url(), "smoke", "300", "4s")
            .file("state/tls/ca.pem", &identity.ca_pem)
            .with(&["--http", http, "--arrival", arrival, "--journal", "journal.jsonl"])
            .finish()
            .await;
        assert_eq!(run.number("/total/failed"), 0.0, "{}", run.stdout);
        run.assert_met_or_void();
        for (name, of) in run.report["interactions"].as_object().unwrap() {
            assert!(of["response_ms"]["count"].as_u64().unwrap() > 0, "{name}\n{}", run.stdout);
            assert!(run.stdout.contains(name.as_str()), "{name}\n{}", run.stdout);
        }
        let count = |name: &str| run.number(&format!("/interactions/{name}/answered"));
        // Nobody thinks in this scenario: only the first request of each visitor has a time to be punctual for.
        assert_eq!(run.number("/total/late_ms/count"), run.number("/sessions/started"), "{}", run.stdout);
        // A visitor who finds the product sold out leaves, and that is no failure.
        assert!(count("add to cart") < count("choose"), "{}", run.stdout);
        assert_eq!(count("register"), count("choose"));
        assert!(run.number("/sessions/completed") < run.number("/sessions/started"), "{}", run.stdout);
        // Everything carries Cache-Status; pages and assets are hits.
        assert_eq!(run.number("/total/cache_told"), run.number("/total/answered"));
        let hits: f64 = ["home", "category", "product", "search", "asset"].map(count).iter().sum();
        assert_eq!(run.number("/total/cache_hits"), hits, "{}", run.stdout);

        let orders = std::mem::take(&mut *shop.orders.lock().unwrap());
        assert_eq!(run.journal.lines().count(), orders.len());
        for line in run.journal.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let (_, key) = &orders[line["order"].as_str().unwrap()];
            assert_eq!(line["idempotency_key"].as_str(), Some(key.as_str()));
        }
    }
}
