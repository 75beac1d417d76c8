use serde_json::{Value, json};

use super::api::{Payment, WebhookError};
use super::rules::{Mismatch, Terms};
use super::signature::{Distrust, sign};
use super::{provider, store};
use crate::backing::db::Fault;
use crate::clock::Timestamp;
use crate::money::Cents;
use crate::node::fixture::{NOON, Twins};

/// Opens a session without a provider.
pub(crate) async fn agree(payment: &Payment, session: &str, order: &str, amount: Cents) {
    let terms = Terms { order: order.to_owned(), amount, currency: "cny".to_owned() };
    let session = session.to_owned();
    let opened = payment.db.write(move |tx| store::open_session(tx, provider::NAME, &session, &terms, NOON));
    opened.await.unwrap();
}

/// The provider says that the money was taken.
pub(crate) fn completed(session: &str, txn: &str, order: &str, amount: Cents) -> Value {
    json!({"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {
        "id": session, "payment_intent": txn, "client_reference_id": order,
        "amount_total": amount, "currency": "cny", "payment_status": "paid",
    }}})
}

/// Sends an event as the provider would.
pub(crate) async fn send(twins: &Twins, event: &Value, now: Timestamp) -> Result<(), WebhookError> {
    let body = event.to_string();
    let header = sign(&twins.key(), now.as_seconds(), body.as_bytes());
    twins.nodes[0].payment.receive(provider::NAME, &header, body.as_bytes(), now).await.map(drop)
}

async fn world() -> Twins {
    let twins = Twins::open().await;
    agree(&twins.nodes[0].payment, "cs_1", "ORDER", Cents(500)).await;
    twins
}

fn recorded(twins: &Twins) -> [i64; 3] {
    ["payment_capture", "payment_posting", "queue_outbox"]
        .map(|table| twins.count(&format!("SELECT count(*) FROM {table}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_is_taken_once_however_often_it_is_told() {
    let twins = world().await;
    let body = completed("cs_1", "pi_1", "ORDER", Cents(500)).to_string();
    let header = sign(&twins.key(), NOON.as_seconds(), body.as_bytes());
    let tell = |node: usize| twins.nodes[node].payment.receive(provider::NAME, &header, body.as_bytes(), NOON);
    let (first, second) = tokio::join!(tell(0), tell(1));
    first.and(second).unwrap();
    tell(0).await.unwrap();
    assert_eq!(recorded(&twins), [1, 2, 1]);
}

#[tokio::test]
async fn any_flipped_byte_of_a_webhook_changes_nothing() {
    let twins = world().await;
    let body = completed("cs_1", "pi_1", "ORDER", Cents(500)).to_string().into_bytes();
    let header = sign(&twins.key(), NOON.as_seconds(), &body);
    for place in 0..body.len() {
        let mut flipped = body.clone();
        flipped[place] ^= 1;
        let answer = twins.nodes[0].payment.receive(provider::NAME, &header, &flipped, NOON).await;
        assert!(matches!(answer, Err(WebhookError::Distrust(Distrust::Forged))), "byte {place}");
    }
    assert_eq!(recorded(&twins), [0, 0, 0]);
}

#[tokio::test]
async fn a_signed_event_must_still_fit_what_was_agreed() {
    let twins = world().await;
    let refusal = async |event: Value| send(&twins, &event, NOON).await.unwrap_err();
    let event = |amount| completed("cs_1", "pi_1", "ORDER", Cents(amount));
    assert!(matches!(refusal(event(499)).await, WebhookError::Mismatch(Mismatch::Amount)));
    let other_order = completed("cs_1", "pi_1", "OTHER", Cents(500));
    assert!(matches!(refusal(other_order).await, WebhookError::Mismatch(Mismatch::Order)));
    let mut other_currency = event(500);
    other_currency["data"]["object"]["currency"] = json!("usd");
    assert!(matches!(refusal(other_currency).await, WebhookError::Mismatch(Mismatch::Currency)));
    let unknown = completed("cs_2", "pi_1", "ORDER", Cents(500));
    assert!(matches!(refusal(unknown).await, WebhookError::UnknownSession(_)));
    assert!(matches!(refusal(json!({"type": "checkout.session.completed"})).await, WebhookError::NotAnEvent(_)));
    assert!(matches!(refusal(json!([])).await, WebhookError::NotAnEvent(_)));
    assert_eq!(recorded(&twins), [0, 0, 0]);
}

#[tokio::test]
async fn an_event_about_no_money_is_taken_and_changes_nothing() {
    let twins = world().await;
    send(&twins, &json!({"type": "customer.created"}), NOON).await.unwrap();
    let mut unpaid = completed("cs_1", "pi_1", "ORDER", Cents(500));
    unpaid["data"]["object"]["payment_status"] = json!("unpaid");
    send(&twins, &unpaid, NOON).await.unwrap();
    assert_eq!(recorded(&twins), [0, 0, 0]);
}

#[tokio::test]
async fn a_journal_cannot_be_rewritten() {
    let twins = world().await;
    send(&twins, &completed("cs_1", "pi_1", "ORDER", Cents(500)), NOON).await.unwrap();
    for sql in ["UPDATE payment_posting SET amount_cents = 0", "DELETE FROM payment_posting"] {
        let refused = twins.database().execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("hint: post the opposite"), "{refused}");
    }
}

#[tokio::test]
async fn a_refund_is_due_once() {
    let twins = world().await;
    send(&twins, &completed("cs_1", "pi_1", "ORDER", Cents(500)), NOON).await.unwrap();
    for _ in 0..2 {
        twins.nodes[1].payment.refund_due(1, "late", NOON).await.unwrap();
    }
    assert_eq!(twins.count("SELECT count(*) FROM payment_refund_due WHERE amount_cents = 500"), 1);
    assert_eq!(twins.count("SELECT sum(amount_cents) FROM payment_posting WHERE account = 'refunds_due'"), -500);
    let unknown: Result<(), Fault> = twins.nodes[0].payment.refund_due(99, "late", NOON).await;
    unknown.unwrap();
    assert_eq!(twins.count("SELECT count(*) FROM payment_journal"), 2);
}
