//! Input that no page of ours sends: each time a clear 4xx, and nothing has changed.

use http::Method;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn forms_without_their_fields_change_nothing() {
    let world = World::shop();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    ada.register("ada@example.com").await;
    ada.post("/cart/lines", &format!("sku={sku}&quantity=1")).await;
    let before = world.rows();
    for (path, form, status, says) in [
        ("/cart/lines", String::new(), 400, "is missing"),
        ("/cart/lines", format!("sku={sku}"), 400, "is missing"),
        ("/cart/lines", format!("sku={sku}&quantity=-1"), 400, "whole number from 1 to 99"),
        ("/cart/lines", format!("sku={sku}&quantity=0"), 400, "whole number from 1 to 99"),
        ("/cart/lines", format!("sku={sku}&quantity=100"), 400, "whole number from 1 to 99"),
        ("/cart/lines", format!("sku={sku}&quantity=1e3"), 400, "whole number from 1 to 99"),
        ("/cart/lines", format!("sku={sku}&quantity=99999999999999999999"), 400, "whole number from 1 to 99"),
        ("/cart/lines", "sku=-7&quantity=1".to_owned(), 400, "cannot be"),
        ("/cart/lines", "sku=18446744073709551615&quantity=1".to_owned(), 404, "not sold here"),
        ("/cart/lines/abc", "quantity=1".to_owned(), 404, "not sold here"),
        (&format!("/cart/lines/{sku}"), "quantity=-1".to_owned(), 400, "whole number from 1 to 99"),
        ("/checkout", String::new(), 400, "Enter the postcode"),
        ("/checkout", "payment=gold&idempotency_key=12345678".to_owned(), 400, "Choose how to pay"),
        ("/register", String::new(), 400, "Enter an email address"),
        ("/register", "name=A&email=a%40example.com&password=short".to_owned(), 400, "at least 8 characters"),
        ("/register", "name=A&email=ada%40example.com&password=secret+words".to_owned(), 409, "has an account already"),
        ("/login", String::new(), 401, "No account has this"),
        ("/login", "email=ada%40example.com&password=wrong".to_owned(), 401, "No account has this"),
    ] {
        let answer = ada.post(path, &form).await;
        assert_eq!(answer.status, status, "{path} {form}");
        assert!(answer.body.contains(says), "{path} {form}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path} {form}");
        assert!(answer.header("cache-control").contains("no-store"), "{path} {form}");
        assert_eq!(world.rows(), before, "{path} {form}");
    }
}

#[tokio::test]
async fn a_refused_form_begins_no_session() {
    let world = World::shop();
    let kv = rusqlite::Connection::open(world.state().join("kv.sqlite")).unwrap();
    let sessions = || kv.query_row("SELECT count(*) FROM kv", [], |row| row.get::<_, i64>(0)).unwrap();
    let sku = world.visitor().some_sku().await;
    for form in ["", "sku=x", &format!("sku={sku}&quantity=-3"), &format!("sku={sku}&quantity=0")] {
        let answer = world.visitor().post("/cart/lines", form).await;
        assert_eq!((answer.status, answer.header("set-cookie"), sessions()), (400, "", 0), "{form}");
        assert!(answer.body.contains("<!doctype html>"), "{form}");
    }
    let taken = world.visitor().post("/cart/lines", &format!("sku={sku}&quantity=1")).await;
    assert_eq!((taken.status, taken.header("set-cookie").is_empty(), sessions()), (303, false, 1));
}

#[tokio::test]
async fn programs_are_refused_as_clearly() {
    let world = World::shop();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    ada.register("ada@example.com").await;
    let before = world.rows();
    for (path, body, status, code) in [
        ("/api/cart/lines", json!({}), 400, "bad_request"),
        ("/api/cart/lines", json!({"sku": sku, "quantity": -1}), 400, "invalid_quantity"),
        ("/api/cart/lines", json!({"sku": sku, "quantity": 1.5}), 400, "invalid_quantity"),
        ("/api/cart/lines", json!({"sku": [sku], "quantity": 1}), 400, "bad_request"),
        ("/api/cart/lines", json!({"sku": 1, "quantity": 1}), 404, "unknown_sku"),
        ("/api/cart/lines", json!([1]), 400, "bad_request"),
        ("/api/checkout", json!({"payment": "online"}), 400, "invalid_fields"),
        ("/api/login", json!({"email": "x", "password": "y"}), 401, "wrong_credentials"),
        ("/api/register", json!({"email": "x", "password": "y"}), 400, "invalid_fields"),
        ("/api/nothing", json!({}), 404, "not_found"),
    ] {
        let answer = ada.post_json(path, &body, &[]).await;
        let found = answer.json();
        assert_eq!((answer.status, found["error"]["code"].as_str()), (status, Some(code)), "{path} {body}");
        assert!(!found["error"]["message"].as_str().unwrap().is_empty());
        assert_eq!(world.rows(), before, "{path} {body}");
    }
    let nobody = world.visitor().post_json("/api/checkout", &json!({}), &[]).await;
    assert_eq!((nobody.status, nobody.json()["error"]["code"].as_str()), (401, Some("login_required")));
    let text = [("content-type", "text/plain")];
    assert_eq!(ada.send(Method::POST, "/api/cart/lines", &text, "sku=1").await.status, 415);
}

#[tokio::test]
async fn addresses_that_nobody_made_are_answered_in_peace() {
    let world = World::shop();
    let mut visitor = world.visitor();
    for (path, status) in [
        ("/nowhere", 404),
        ("/product/0", 404),
        ("/product/-1", 404),
        ("/product/99999999999999999999999", 404),
        ("/product/1%27%20OR%201=1", 404),
        ("/category/none", 404),
        ("/search?page=0", 400),
        ("/search?page=-1", 400),
        ("/search?page=501", 400),
        ("/search?q=a&page=499", 404),
        ("/search?sort=price;DROP", 400),
        ("/search?brand=none", 400),
        ("/search?q=%22%27%3B--%20OR%20NEAR(%20*", 200),
        ("/search?q=%00%ff%22", 200),
    ] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.body.contains("<!doctype html>"), "{path}");
    }
    assert_eq!(visitor.get("/api/products?q=%22%27*").await.json()["total"], 0, "signs alone find nothing");
    let missing = visitor.get("/nowhere").await;
    assert_eq!(missing.header("cdn-cache-control"), "max-age=10");
    let wrong_method = visitor.send(Method::DELETE, "/cart", &[], "").await;
    assert_eq!((wrong_method.status, wrong_method.header("allow")), (405, "GET,HEAD"));
    let huge = "x".repeat(70_000);
    assert_eq!(visitor.post("/cart/lines", &format!("sku={huge}")).await.status, 413);
    assert_eq!(visitor.post("/payment/webhook/simulator", &huge).await.status, 413);
}

#[tokio::test]
async fn somebody_elses_order_is_not_there_and_is_not_kept_by_the_edge() {
    let world = World::shop();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    ada.register("ada@example.com").await;
    ada.post("/cart/lines", &format!("sku={sku}&quantity=1")).await;
    let form = ada.get("/checkout").await;
    let order = format!(
        "idempotency_key={}&payment=cod&recipient=A&phone=13800138000&region=B&city=C&street=D&postcode=200120",
        form.hidden("idempotency_key")
    );
    let page = ada.post("/checkout", &order).await.location().to_owned();
    let mut eve = world.visitor();
    eve.register("eve@example.com").await;
    let before = world.rows();
    let seen = eve.get(&page).await;
    assert_eq!((seen.status, seen.header("cache-control"), seen.header("cdn-cache-control")), (404, "no-store", ""));
    assert_eq!(eve.post(&format!("{page}/cancel"), "").await.status, 404);
    assert_eq!(eve.post(&format!("{page}/pay"), "").await.status, 404);
    assert_eq!(eve.get(&format!("/api{}", page.replace("order", "orders"))).await.status, 404);
    assert_eq!(world.rows(), before);
    assert_eq!(ada.get(&page).await.status, 200);
}

#[tokio::test]
async fn another_site_cannot_act_for_a_visitor() {
    let world = World::shop();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    let form = format!("sku={sku}&quantity=1");
    let before = world.rows();
    for foreign in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let headers = [foreign, ("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(ada.send(Method::POST, "/cart/lines", &headers, &form).await.status, 403, "{foreign:?}");
    }
    assert_eq!(world.rows(), before);
    let own = world.shops[0].url.clone();
    let headers = [("origin", own.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(ada.send(Method::POST, "/cart/lines", &headers, &form).await.status, 303);
}

#[tokio::test]
async fn a_login_leads_nowhere_else() {
    let world = World::shop();
    let mut ada = world.visitor();
    ada.register("ada@example.com").await;
    for (next, leads_to) in
        [("/account", "/account"), ("//evil.example", "/"), ("https://evil.example", "/"), ("", "/")]
    {
        let answer = ada.post("/login", &format!("email=ada%40example.com&password=secret+words&next={next}")).await;
        assert_eq!((answer.status, answer.location()), (303, leads_to), "{next}");
    }
}
