use std::io::Write;

use super::*;
use crate::node::fixture::{NOON, SKU, Twins};
use crate::payment::api::Captured;
use crate::payment::tests::{agree, completed, send};
use crate::shopping::api::PaymentMethod;

/// A shop with an order of each kind: paid, waiting, cash on delivery, cancelled and paid too late.
async fn world() -> Twins {
    let twins = Twins::with_stock(SKU, 50).await;
    let shopping = &twins.nodes[0].shopping;
    for (place, cancelled) in [(1, false), (2, true)] {
        let order = twins.order(1, SKU, 2, PaymentMethod::Online).await;
        let amount = shopping.order(1, order.clone()).await.unwrap().totals.total();
        let txn = format!("pi_{place}");
        agree(&twins.nodes[0].payment, &txn, &order, amount).await;
        send(&twins, &completed(&txn, &txn, &order, amount), NOON).await.unwrap();
        if cancelled {
            shopping.cancel(1, order.clone(), NOON).await.unwrap();
        }
        shopping.settle(Captured { capture: place, order, amount }, NOON).await.unwrap();
    }
    twins.order(1, SKU, 1, PaymentMethod::Online).await;
    twins.order(2, SKU, 1, PaymentMethod::CashOnDelivery).await;
    twins
}

fn findings(twins: &Twins) -> Vec<Finding> {
    examine(&StateFolder::of(twins.folder.path()).database_path()).unwrap()
}

/// The invariants that are violated after `sql`, by the first word of their names.
async fn violated(sql: &str) -> Vec<&'static str> {
    let twins = world().await;
    let spoil = "PRAGMA ignore_check_constraints = ON; PRAGMA foreign_keys = OFF;
                 DROP TRIGGER shopping_order_event_kept; DROP TRIGGER shopping_order_event_stays;
                 DROP TRIGGER payment_posting_kept; DROP TRIGGER payment_posting_stays;";
    twins.database().execute_batch(&format!("{spoil} {sql}")).unwrap();
    let broken = findings(&twins).into_iter().filter(|finding| !finding.violations.is_empty());
    broken.map(|finding| finding.name.split(' ').next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn a_sound_shop_is_found_sound() {
    let twins = world().await;
    let lines: Vec<String> = findings(&twins).iter().map(Finding::to_string).collect();
    assert_eq!(
        lines,
        [
            "ok       I1 no oversell: 1 SKUs, 4 pieces in orders, 0 violations",
            "ok       I3 idempotent checkout: 4 keys, 0 violations",
            "ok       I4 no lost order: 4 orders, 6 messages, 0 violations",
            "ok       I8 legal transitions: 4 orders, 6 steps, 6 legal kinds, 0 violations",
            "ok       I12 money: 3 journals, 6 postings, 0 violations",
        ]
    );
}

#[tokio::test]
async fn an_oversell_is_caught() {
    for sql in [
        "UPDATE shopping_stock SET supplied = 3, available = 0, reserved = 1, sold = 2",
        "UPDATE shopping_stock SET available = available + 1, supplied = supplied + 1, reserved = reserved - 1",
        "UPDATE shopping_stock SET available = -1, supplied = reserved + sold - 1",
        "UPDATE shopping_stock SET available = available - 1",
        "DELETE FROM shopping_stock",
    ] {
        assert_eq!(violated(sql).await, ["I1"], "{sql}");
    }
}

#[tokio::test]
async fn a_checkout_that_was_not_idempotent_is_caught() {
    for sql in [
        "UPDATE shopping_checkout SET member = 9",
        "UPDATE shopping_checkout SET order_number = 'GONE' WHERE member = 2",
        "UPDATE shopping_checkout SET response = json_set(response, '$.number', 'OTHER')",
        "DELETE FROM shopping_checkout WHERE member = 2",
    ] {
        assert_eq!(violated(sql).await, ["I3"], "{sql}");
    }
}

#[tokio::test]
async fn a_lost_order_is_caught() {
    for sql in [
        "DELETE FROM queue_outbox WHERE topic = 'order.paid'",
        "INSERT INTO queue_outbox (topic, subject, payload, created_ms, due_ms) VALUES ('order.paid', 'GONE', '{}', 0, 0)",
        "INSERT INTO queue_outbox (topic, subject, payload, created_ms, due_ms)
         SELECT topic, subject, payload, created_ms, due_ms FROM queue_outbox WHERE topic = 'order.paid'",
    ] {
        assert_eq!(violated(sql).await, ["I4"], "{sql}");
    }
    assert!(violated("DELETE FROM shopping_order WHERE state = 'cod_placed'").await.contains(&"I4"));
    assert!(violated("DELETE FROM shopping_order_line WHERE order_id = 3").await.contains(&"I4"));
}

#[tokio::test]
async fn an_illegal_step_is_caught() {
    for sql in [
        "UPDATE shopping_order SET version = 7 WHERE id = 3",
        "UPDATE shopping_order_event SET cause = 'expire' WHERE to_state = 'paid'",
        "UPDATE shopping_order_event SET cause = 'wish' WHERE to_state = 'paid'",
        "UPDATE shopping_order_event SET from_state = 'cod_placed' WHERE to_state = 'paid'",
    ] {
        assert_eq!(violated(sql).await, ["I8"], "{sql}");
    }
    assert!(violated("UPDATE shopping_order SET state = 'cancelled' WHERE state = 'paid'").await.contains(&"I8"));
    assert!(violated("DELETE FROM shopping_order_event WHERE order_id = 1 AND version = 1").await.contains(&"I8"));
}

#[tokio::test]
async fn money_out_of_balance_is_caught() {
    for sql in [
        "UPDATE payment_posting SET amount_cents = amount_cents + 1 WHERE account = 'prepaid' AND journal = 1",
        "DELETE FROM payment_posting WHERE journal = 1",
        "DELETE FROM payment_posting WHERE journal = 1; DELETE FROM payment_journal WHERE id = 1",
        "INSERT INTO payment_posting VALUES (99, 'prepaid', 0)",
        "UPDATE payment_posting SET amount_cents = amount_cents * 2 WHERE journal = 1",
        "UPDATE shopping_order SET total_cents = total_cents + 1 WHERE id = 3",
        "UPDATE shopping_order_line SET price_cents = price_cents + 1 WHERE order_id = 3",
        "UPDATE shopping_order SET paid_by = NULL WHERE state = 'paid'",
        "DELETE FROM payment_refund_due; UPDATE queue_outbox SET delivered_ms = 1",
        "DELETE FROM queue_outbox WHERE topic = 'payment.captured' AND payload ->> 'capture' = 1",
        "INSERT INTO queue_outbox (topic, subject, payload, created_ms, due_ms)
         SELECT topic, subject, payload, created_ms, due_ms FROM queue_outbox WHERE topic = 'payment.captured' LIMIT 1",
        "DELETE FROM payment_refund_due",
        "DELETE FROM payment_posting WHERE journal = 3; DELETE FROM payment_journal WHERE id = 3",
        "UPDATE payment_refund_due SET amount_cents = amount_cents - 1",
        "INSERT INTO payment_refund_due SELECT 99, amount_cents, reason, since_ms FROM payment_refund_due",
    ] {
        assert_eq!(violated(sql).await, ["I12"], "{sql}");
    }
}

#[tokio::test]
async fn a_capture_whose_message_is_lost_is_caught() {
    let twins = world().await;
    let lose = "UPDATE shopping_order SET state = 'pending_payment', paid_by = NULL WHERE id = 1;
                DELETE FROM queue_outbox WHERE topic = 'payment.captured' AND payload ->> 'capture' = 1";
    twins.database().execute_batch(lose).unwrap();
    let money = findings(&twins).pop().unwrap().violations.join("\n");
    assert!(money.contains(": has 0 messages") && money.contains("neither paid for the order nor"), "{money}");
}

#[tokio::test]
async fn a_clients_journal_is_compared_with_the_orders() {
    let twins = world().await;
    let order = twins.database();
    let (number, key): (String, String) = order
        .query_row("SELECT order_number, key FROM shopping_checkout LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let violations = |lines: &[(&str, &str)]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for (order, key) in lines {
            writeln!(file, "{{\"order\": \"{order}\", \"idempotency_key\": \"{key}\"}}").unwrap();
        }
        journal::compare(&twins.database(), file.path()).unwrap().violations.len()
    };
    assert_eq!(violations(&[(&number, &key), (&number, &key)]), 0);
    assert_eq!(violations(&[("GONE", &key)]), 1);
    assert_eq!(violations(&[(&number, "another-key")]), 1);
    assert_eq!(violations(&[(&number, &key), ("GONE", &key)]), 2);

    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "not json").unwrap();
    let message = journal::compare(&twins.database(), file.path()).err().unwrap().to_string();
    assert!(message.starts_with("line 1 of "), "{message}");
}

#[test]
fn a_folder_without_a_shop_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let message = examine(&folder.path().join("shop.sqlite")).err().unwrap().to_string();
    assert!(message.ends_with("hint: --state is a folder that `shop-origin seed` has filled"), "{message}");
}
