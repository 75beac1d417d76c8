//! `POST /purge`: what is stored goes, or becomes stale.

use http::{Request, StatusCode};
use hyper::body::Incoming;

use super::{
    Admin,
    answer::{Answer, error, json},
    config::read,
};
use crate::{
    clock,
    control::cache::{Order, ReceiptOfZone},
};

/// Bytes of an order: some thousand URLs.
const ORDER_MAX: usize = 1 << 20;

/// Purges what the body names; answers with one receipt for each zone.
pub(super) async fn post(request: Request<Incoming>, admin: &Admin) -> Answer {
    let body = match read(request.into_body(), ORDER_MAX).await {
        Ok(body) => body,
        Err((status, message)) => return error(status, &message),
    };
    let order = match serde_json::from_slice::<Order>(&body) {
        Ok(order) => order,
        Err(cause) => {
            let expected = "{\"tag\": \"product:42\"}, or `url`, `prefix`, `all`, with `zone`, `soft`, `wait`, `by`";
            return error(StatusCode::BAD_REQUEST, &format!("expected {expected}: {cause}"));
        }
    };
    let edge = admin.tender.edge();
    let purge = match order.check(&edge.published.load(), clock::wall()) {
        Ok(purge) => purge,
        Err(cause) => return error(StatusCode::BAD_REQUEST, &cause.to_string()),
    };
    let receipts = edge.cache.store.purge_objects(order.zone.as_deref(), &purge, order.wait).await;
    if receipts.is_empty() {
        let zone = order.zone.unwrap_or_default();
        let known = edge.cache.store.stats().into_iter().map(|zone| format!("`{}`", zone.zone)).collect::<Vec<_>>();
        let message = format!("there is no zone `{zone}`; known are {}", known.join(", "));
        return error(StatusCode::NOT_FOUND, &message);
    }
    let receipts: Vec<_> = receipts.into_iter().map(ReceiptOfZone::from).collect();
    for receipt in &receipts {
        order.kinds().for_each(|kind| edge.metrics.purges.ordered(&receipt.zone, kind, order.soft));
        log(&order, receipt);
    }
    json(StatusCode::OK, &receipts)
}

fn log(order: &Order, receipt: &ReceiptOfZone) {
    let (what, by) = (order.summary(), order.by.as_deref().unwrap_or_default());
    let (objects, notice) = (receipt.objects, receipt.notice.as_deref().unwrap_or_default());
    tracing::warn!(zone = receipt.zone, id = receipt.id, what, soft = order.soft, by, objects, notice, "purged");
}
