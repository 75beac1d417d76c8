//! What everybody sees, and what the edge may keep of it.

use http::Method;

use crate::world::World;

const FOR_BROWSERS: &str = "public, max-age=0, must-revalidate";

#[tokio::test]
async fn pages_can_be_kept_by_the_edge_and_are_the_same_for_all() {
    let world = World::shop();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    let product = sku / 100;
    ada.register("ada@example.com").await;
    ada.post("/cart/lines", &format!("sku={sku}&quantity=3")).await;
    let category = ada.get(&format!("/api/products/{product}")).await.json()["category"].as_str().unwrap().to_owned();

    for (path, tag) in [
        ("/".to_owned(), "home".to_owned()),
        (format!("/category/{category}"), "category:".to_owned()),
        ("/search?q=a&sort=price-desc".to_owned(), "search".to_owned()),
        (format!("/product/{product}"), format!("product:{product}")),
        (format!("/product/{product}/offer"), format!("product:{product}")),
        (format!("/api/products/{product}"), format!("product:{product}")),
        ("/api/products?q=a".to_owned(), "search".to_owned()),
    ] {
        let hers = ada.get(&path).await;
        let anybodys = world.visitor().get(&path).await;
        assert_eq!(hers.status, 200, "{path}");
        assert_eq!(hers.body, anybodys.body, "{path}: cached for all, so it holds nothing personal");
        assert_eq!(hers.header("cache-control"), FOR_BROWSERS, "{path}");
        assert!(hers.header("cdn-cache-control").starts_with("max-age="), "{path}");
        assert!(hers.header("cache-tag").contains(&tag), "{path}: {}", hers.header("cache-tag"));
        assert!(hers.header("set-cookie").is_empty(), "{path}");

        let etag = hers.header("etag").to_owned();
        let again = ada.send(Method::GET, &path, &[("if-none-match", &etag)], "").await;
        assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", etag.as_str()), "{path}");
        assert_eq!(again.header("cache-tag"), hers.header("cache-tag"), "{path}");
        let head = ada.send(Method::HEAD, &path, &[], "").await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-length"), hers.body.len().to_string(), "{path}");
    }
}

#[tokio::test]
async fn stock_is_kept_for_seconds_and_a_page_for_longer() {
    let world = World::shop();
    let mut visitor = world.visitor();
    let product = visitor.some_sku().await / 100;
    for (path, life) in [
        (format!("/product/{product}"), "max-age=60,"),
        ("/api/products?q=a".to_owned(), "max-age=30,"),
        (format!("/product/{product}/offer"), "max-age=2,"),
        (format!("/api/products/{product}"), "max-age=2,"),
    ] {
        let kept = visitor.get(&path).await.header("cdn-cache-control").to_owned();
        assert!(kept.starts_with(life), "{path}: {kept}");
    }
}

#[tokio::test]
async fn what_a_page_loads_never_changes() {
    let world = World::shop();
    let mut visitor = world.visitor();
    let home = visitor.get("/").await.body;
    let links = home.split('"').filter(|text| text.starts_with("/assets/") || text.starts_with("/media/"));
    let links: std::collections::BTreeSet<String> = links.map(str::to_owned).collect();
    assert!(links.iter().any(|link| link.ends_with(".css")) && links.iter().any(|link| link.starts_with("/media/")));
    for link in links {
        let answer = visitor.get(&link).await;
        assert_eq!(answer.status, 200, "{link}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{link}");
    }
    for gone in ["/assets/style.000000000000.css", "/media/00000000000000000000.svg", "/media/x", "/media/..%2Fpay.key"]
    {
        assert_eq!(visitor.get(gone).await.status, 404, "{gone}");
    }
}

#[tokio::test]
async fn lists_lead_on_to_pages_and_products() {
    let world = World::shop();
    let mut visitor = world.visitor();
    let home = visitor.get("/").await.body;
    let links: std::collections::BTreeSet<String> = home
        .split('"')
        .filter(|text| text.starts_with("/category/") || text.starts_with("/product/"))
        .map(str::to_owned)
        .collect();
    assert!(links.len() > 10);
    for link in links {
        let page = visitor.get(&link).await;
        assert_eq!(page.status, 200, "{link}");
        for next in page.body.split('"').filter(|text| text.starts_with("/category/") && text.contains('?')) {
            assert_eq!(visitor.get(&next.replace("&#38;", "&")).await.status, 200, "{next}");
        }
    }
    let all = visitor.get("/api/products").await.json();
    assert!(all["pages"].as_u64().unwrap() >= 1 && all["products"].as_array().unwrap().len() <= 24);
}

#[tokio::test]
async fn every_answer_says_how_it_came_about() {
    let world = World::shop();
    let mut visitor = world.visitor();
    for path in ["/", "/nowhere", "/cart", "/healthz", "/api/cart"] {
        let answer = visitor.send(Method::GET, path, &[("x-request-id", "from-the-edge-1")], "").await;
        assert_eq!(answer.header("x-request-id"), "from-the-edge-1", "{path}");
        assert!(answer.header("server-timing").starts_with("app;dur="), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert!(!answer.header("referrer-policy").is_empty(), "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
    }
    let own = visitor.send(Method::GET, "/", &[("x-request-id", "")], "").await;
    assert!(!own.header("x-request-id").is_empty());
    let late = visitor.send(Method::GET, "/", &[("x-request-deadline-ms", "0")], "").await;
    assert_eq!((late.status, late.header("cache-control")), (504, "no-store"));
}
