//! Processes that come, go and share.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::visitor::Visitor;
use crate::world::{World, program};

#[tokio::test]
async fn an_acknowledged_order_survives_a_killed_process() {
    let mut world = World::shop();
    let mut ada = world.visitor();
    let sku = ada.some_sku().await;
    ada.register("ada@example.com").await;
    ada.post("/cart/lines", &format!("sku={sku}&quantity=1")).await;
    let order = json!({
        "recipient": "Ada", "phone": "13800138000", "region": "Shanghai", "city": "Pudong",
        "street": "88 Century Avenue", "postcode": "200120", "payment": "online",
    });
    let key = [("idempotency-key", "before-the-crash")];
    let placed = ada.post_json("/api/checkout", &order, &key).await.json();
    world.shops[0].kill();

    let other = world.serve_again();
    let mut ada = ada.at(&other.url);
    let again = ada.post_json("/api/checkout", &order, &key).await;
    assert_eq!(again.json(), placed);
    let journal = world.state().join("journal");
    let line = json!({"order": placed["number"], "idempotency_key": "before-the-crash"});
    std::fs::write(&journal, format!("{line}\n{line}\n")).unwrap();
    let audit = world.run(&["audit", "--journal", journal.to_str().unwrap()]);
    let printed = String::from_utf8(audit.stdout).unwrap();
    assert!(audit.status.success() && printed.contains("2 answers, 1 keys, 0 violations"), "{printed}");

    let gone = json!({"order": "0000-0000-0000-0000", "idempotency_key": "before-the-crash"});
    std::fs::write(&journal, format!("{gone}\n")).unwrap();
    let audit = world.run(&["audit", "--journal", journal.to_str().unwrap()]);
    assert_eq!(audit.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn buyers_at_two_processes_share_the_last_pieces() {
    let mut world = World::shop();
    let second = world.serve_again();
    world.shops.push(second);
    let mut buyers = Vec::new();
    let sku = world.visitor().some_sku().await;
    for place in 0..12 {
        let mut buyer = Visitor::new(&world.shops[place % 2].url);
        buyer.register(&format!("buyer{place}@example.com")).await;
        assert_eq!(buyer.post("/cart/lines", &format!("sku={sku}&quantity=1")).await.status, 303);
        buyers.push(buyer);
    }
    let scarce = "UPDATE shopping_stock SET supplied = 5, available = 5 WHERE sku = ?1";
    world.database().execute(scarce, [i64::try_from(sku).unwrap()]).unwrap();
    let order = json!({
        "recipient": "Ada", "phone": "13800138000", "region": "Shanghai", "city": "Pudong",
        "street": "88 Century Avenue", "postcode": "200120", "payment": "cod",
    });
    let attempts: Vec<_> = buyers
        .into_iter()
        .map(|mut buyer| {
            let order = order.clone();
            tokio::spawn(async move {
                buyer.post_json("/api/checkout", &order, &[("idempotency-key", "the-last-one")]).await.status
            })
        })
        .collect();
    let mut statuses = Vec::new();
    for attempt in attempts {
        statuses.push(attempt.await.unwrap());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![201; 5], vec![409; 7]].concat());
    let audit = world.audit();
    assert!(audit.contains("5 pieces in orders, 0 violations"), "{audit}");
}

#[tokio::test]
async fn a_process_stops_in_order() {
    let mut world = World::shop();
    assert_eq!(world.visitor().get("/healthz").await.body, "ok\n");
    assert!(world.shops[0].stop());
}

#[test]
fn seeding_twice_says_so_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let seed = |scale| program(&["seed", "--state", "shop", "--scale", scale], folder.path());
    let first = seed("50");
    let printed = String::from_utf8(first.stdout).unwrap();
    assert!(first.status.success() && printed.contains("demo account: demo@example.com"), "{printed}");
    let again = seed("60");
    let printed = String::from_utf8(again.stdout).unwrap();
    assert!(
        again.status.success() && printed.starts_with("already seeded: ") && printed.contains("hint: "),
        "{printed}"
    );
    let mode = |path| std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("shop"), mode("shop/pay.key")), (0o700, 0o600));
}

#[test]
fn misuse_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let message = |arguments: &[&str], code| {
        let output = program(arguments, folder.path());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let in_use = message(&["serve", "--state", "shop", "--listen", &address], 1);
    assert!(in_use.starts_with(&format!("shop-origin: cannot listen at {address}: ")), "{in_use}");
    let no_shop = message(&["audit", "--state", "nowhere"], 1);
    assert!(no_shop.contains("hint: --state is a folder that `shop-origin seed` has filled"), "{no_shop}");
    message(&["serve", "--state", "shop", "--listen", "here"], 2);
    message(&["serve", "--state", "shop", "--listen", "127.0.0.1:0", "--public-url", "ftp://x"], 2);
    message(&["seed", "--state", "shop", "--scale", "0"], 2);
}
