//! From the first page to a paid order, as people do it and as programs do it, over two processes.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::visitor::{Answer, Visitor};
use crate::world::World;

const ADDRESS: &str =
    "recipient=Ada+Park&phone=13800138000&region=Shanghai&city=Pudong&street=88+Century+Avenue&postcode=200120";

/// Fills in the checkout's form and sends it.
async fn check_out(visitor: &mut Visitor, payment: &str) -> Answer {
    let form = visitor.get("/checkout").await;
    assert_eq!(form.status, 200, "{}", form.body);
    let (key, quote) = (form.hidden("idempotency_key"), form.hidden("quote"));
    visitor.post("/checkout", &format!("idempotency_key={key}&quote={quote}&payment={payment}&{ADDRESS}")).await
}

#[tokio::test]
async fn a_person_buys_something_with_forms() {
    let world = World::demo();
    let [here, there] = [&world.shops[0].url, &world.shops[1].url];
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    let added = ada.post("/cart/lines", &format!("sku={sku}&quantity=2")).await;
    assert_eq!((added.status, added.location()), (303, "/cart"));
    let mut ada = ada.at(there);
    assert_eq!(ada.get("/fragment/header").await.json(), json!({"name": null, "cart_count": 2}));
    assert_eq!(ada.get("/checkout").await.location(), "/login?next=/checkout");
    ada.register("ada@example.com").await;
    let mut ada = ada.at(here);
    assert_eq!(ada.get("/fragment/header").await.json(), json!({"name": "Ada", "cart_count": 2}));

    let placed = check_out(&mut ada, "online").await;
    let page = placed.location().to_owned();
    assert!(placed.status == 303 && page.starts_with("/order/"), "{}", placed.body);
    let mut ada = ada.at(there);
    let waiting = ada.get(&page).await;
    assert!(waiting.body.contains("Waiting for payment"), "{}", waiting.body);
    assert_eq!(waiting.header("cache-control"), "private, no-store");
    let payment = ada.post(&format!("{page}/pay"), "").await;
    assert_eq!(payment.status, 303, "{}", payment.body);
    let hosted = payment.location().to_owned();
    assert!(ada.get(&hosted).await.body.contains("Harbour"));

    let declined = ada.post(&hosted, "decision=decline").await;
    assert_eq!(declined.location(), format!("{here}{page}?payment=declined").replace(here, there));
    assert!(ada.get(&format!("{page}?payment=declined")).await.body.contains("Nothing was charged"));
    let paid = ada.post(&hosted, "decision=pay").await;
    assert_eq!(paid.location(), format!("{there}{page}?payment=done"));
    let order = ada.get(&format!("{page}?payment=done")).await;
    assert!(order.body.contains("your payment has arrived"), "{}", order.body);
    assert!(ada.get("/account").await.body.contains(page.strip_prefix("/order/").unwrap()));
    assert_eq!(ada.post(&format!("{page}/cancel"), "").await.status, 409);
    assert_eq!(ada.get("/fragment/header").await.json()["cart_count"], 0);

    assert_eq!(ada.post("/logout", "").await.location(), "/");
    assert_eq!(ada.get("/fragment/header").await.json(), json!({"name": null, "cart_count": 0}));
    assert!(ada.get(&page).await.location().starts_with("/login?next="));
    let audit = world.audit();
    assert!(audit.contains("I12 money: 1 journals, 2 postings, 0 violations"), "{audit}");
}

#[tokio::test]
async fn a_program_buys_something_with_json() {
    let world = World::demo();
    let mut bob = world.visitor();
    let sku = bob.some_sku().await;
    let account = json!({"email": "bob@example.com", "password": "secret words"});
    assert_eq!(bob.post_json("/api/register", &account, &[]).await.status, 201);
    assert_eq!(bob.post_json("/api/register", &account, &[]).await.status, 409);
    let mut bob = world.visitor();
    assert_eq!(bob.post_json("/api/login", &account, &[]).await.status, 200);
    let cart = bob.post_json("/api/cart/lines", &json!({"sku": sku, "quantity": 2}), &[]).await.json();
    assert_eq!(cart["lines"][0]["quantity"], 2);

    let mut order = json!({
        "recipient": "Bob", "phone": "13800138000", "region": "Shanghai", "city": "Pudong",
        "street": "88 Century Avenue", "postcode": "200120", "payment": "online", "quote": cart["quote"],
    });
    let key = [("idempotency-key", "7d1f2c9e-bob-1")];
    let placed = bob.post_json("/api/checkout", &order, &key).await;
    assert_eq!((placed.status, placed.header("idempotent-replayed")), (201, ""), "{}", placed.body);
    let again = bob.twin().at(&world.shops[1].url).post_json("/api/checkout", &order, &key).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"));
    assert_eq!(again.json(), placed.json());
    order["city"] = json!("Elsewhere");
    let other = bob.post_json("/api/checkout", &order, &key).await;
    assert_eq!((other.status, other.json()["error"]["code"].as_str()), (422, Some("key_reused")));

    let number = placed.json()["number"].as_str().unwrap().to_owned();
    let page = bob.post_json(&format!("/api/orders/{number}/pay"), &json!({}), &[]).await.json();
    let hosted = page["redirect_url"].as_str().unwrap();
    assert!(hosted.starts_with(&world.provider.as_ref().unwrap().url));
    assert_eq!(bob.post(hosted, "decision=pay").await.status, 303);
    let paid = bob.get(&format!("/api/orders/{number}")).await.json();
    assert_eq!((paid["state"].as_str(), &paid["total_cents"]), (Some("paid"), &cart["total_cents"]));
    assert_eq!(bob.get("/api/orders").await.json()["orders"][0]["number"], number.as_str());
    world.audit();
}

#[tokio::test]
async fn a_second_payment_page_is_closed_when_the_first_has_paid() {
    let world = World::demo();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    ada.register("ada@example.com").await;
    ada.post("/cart/lines", &format!("sku={sku}&quantity=1")).await;
    let page = check_out(&mut ada, "online").await.location().to_owned();
    let mut hosted = Vec::new();
    for shop in &world.shops {
        // They come back to different addresses, and so are different sessions.
        let payment = ada.twin().at(&shop.url).post(&format!("{page}/pay"), "").await;
        hosted.push(payment.location().to_owned());
    }
    assert_ne!(hosted[0], hosted[1]);
    assert_eq!(ada.post(&hosted[0], "decision=pay").await.status, 303);
    let closed = async { while !ada.get(&hosted[1]).await.body.contains("has withdrawn this payment") {} };
    tokio::time::timeout(Duration::from_secs(10), closed).await.expect("the other page is closed");
    assert_eq!(ada.post(&hosted[1], "decision=pay").await.status, 409);
    assert_eq!(world.count("SELECT count(*) FROM payment_capture"), 1);
    world.audit();
}

#[tokio::test]
async fn cash_on_delivery_is_placed_and_cancelled() {
    let world = World::shop();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    ada.register("ada@example.com").await;
    ada.post("/cart/lines", &format!("sku={sku}&quantity=1")).await;
    let page = check_out(&mut ada, "cod").await.location().to_owned();
    assert!(ada.get(&page).await.body.contains("Cash on delivery"));
    assert_eq!(ada.post(&format!("{page}/cancel"), "").await.location(), page);
    assert!(ada.get(&page).await.body.contains("Cancelled"));
    assert_eq!(world.count("SELECT sum(reserved) + sum(sold) FROM shopping_stock"), 0);
    world.audit();
}

#[tokio::test]
async fn without_a_provider_an_order_is_kept() {
    let world = World::shop();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    ada.register("ada@example.com").await;
    ada.post("/cart/lines", &format!("sku={sku}&quantity=1")).await;
    let page = check_out(&mut ada, "online").await.location().to_owned();
    let answer = ada.post(&format!("{page}/pay"), "").await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("Your order is kept") && !answer.header("retry-after").is_empty());
    assert!(ada.get(&page).await.body.contains("Waiting for payment"));
}

#[tokio::test]
async fn a_price_that_changed_is_asked_about_again() {
    let world = World::shop();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    ada.register("ada@example.com").await;
    ada.post("/cart/lines", &format!("sku={sku}&quantity=1")).await;
    let form = ada.get("/checkout").await;
    let (key, quote) = (form.hidden("idempotency_key"), form.hidden("quote"));
    world.database().execute("UPDATE product_sku SET price_cents = price_cents - 1", []).unwrap();
    let order = |quote: &str| format!("idempotency_key={key}&quote={quote}&payment=cod&{ADDRESS}");
    let asked = ada.post("/checkout", &order(quote)).await;
    assert_eq!(asked.status, 409);
    assert!(asked.body.contains("Prices or goods have changed"));
    assert_eq!(asked.hidden("idempotency_key"), key);
    assert_eq!(world.count("SELECT count(*) FROM shopping_order"), 0);
    assert_eq!(ada.post("/checkout", &order(asked.hidden("quote"))).await.status, 303);
}

#[tokio::test]
async fn a_signed_webhook_is_needed_to_be_paid() {
    let world = World::demo();
    let mut visitor = world.visitor();
    let event = json!({"id": "evt_1", "type": "checkout.session.completed"}).to_string();
    for signature in ["", "t=1,v1=00", &format!("t=1,v1={}", "0".repeat(64))] {
        let headers = [("payment-signature", signature), ("content-type", "application/json")];
        let answer = visitor.send(Method::POST, "/payment/webhook/simulator", &headers, &event).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (401, Some("signature")));
    }
    let unknown = visitor.send(Method::POST, "/payment/webhook/other", &[], &event).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn a_session_in_use_is_extended_together_with_its_cookie() {
    let world = World::shop();
    let mut ada = world.visitor();
    ada.register("ada@example.com").await;
    assert_eq!(ada.get("/fragment/header").await.header("set-cookie"), "", "it is young");
    let kv = rusqlite::Connection::open(world.state().join("kv.sqlite")).unwrap();
    let age = || kv.execute("UPDATE kv SET expires_ms = expires_ms - 2 * 24 * 3600 * 1000", []).unwrap();
    age();
    let mut twin = ada.twin();
    let extended = ada.get("/fragment/header").await;
    assert!(extended.header("set-cookie").contains("; Max-Age=2592000; HttpOnly"), "{:?}", extended.headers);
    assert_eq!(extended.json()["name"], "Ada");
    assert_eq!(twin.get("/fragment/header").await.json()["name"], "Ada", "it is the same session");
    assert_eq!(ada.get("/fragment/header").await.header("set-cookie"), "", "once is enough");
    age();
    let left = ada.post("/logout", "").await;
    let cookies: Vec<_> = left.headers.get_all("set-cookie").iter().collect();
    assert!(cookies.len() == 1 && left.header("set-cookie").starts_with("sid=;"), "{cookies:?}");
}
