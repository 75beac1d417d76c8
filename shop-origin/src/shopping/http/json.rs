//! Carts, checkout and orders for programs.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::order::return_url;
use super::{Context, checkout, member, quantity, quantity_or_none, sku, sku_in_path};
use crate::clock;
use crate::membership::api::Visitor;
use crate::money::CURRENCY;
use crate::shopping::api::{Order, OrderLine, Summary};
use crate::web::input::Fields;
use crate::web::problem::Problem;
use crate::web::visit::Visit;

/// As draft-ietf-httpapi-idempotency-key-header names it.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// On an answer that was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

pub(super) async fn cart(State(context): State<Context>, visit: Visit) -> Result<Json<Value>, Problem> {
    cart_json(&context, &visit.visitor).await
}

pub(super) async fn add(State(context): State<Context>, visit: Visit, fields: Fields) -> Result<Response, Problem> {
    let (sku, quantity) = (sku(&fields)?, quantity(&fields)?);
    let (visitor, cookie) = visit.with_session(&context.membership, context.site.secure()).await?;
    context.shopping.add_to_cart(&visitor, sku, quantity, clock::now()).await?;
    let mut response = cart_json(&context, &visitor).await?.into_response();
    response.headers_mut().extend(cookie);
    Ok(response)
}

pub(super) async fn set(
    State(context): State<Context>,
    Path(sku): Path<String>,
    visit: Visit,
    fields: Fields,
) -> Result<Json<Value>, Problem> {
    let (sku, quantity) = (sku_in_path(&sku)?, quantity_or_none(&fields)?);
    context.shopping.set_in_cart(&visit.visitor, sku, quantity, clock::now()).await?;
    cart_json(&context, &visit.visitor).await
}

pub(super) async fn check_out(
    State(context): State<Context>,
    headers: HeaderMap,
    visit: Visit,
    fields: Fields,
) -> Result<Response, Problem> {
    let member = member(&visit)?;
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let checkout = checkout::parse(&fields, key).map_err(|problems| {
        let sentences: Vec<String> = problems.into_iter().map(|problem| format!("{}.", problem.message)).collect();
        Problem::new(StatusCode::BAD_REQUEST, "invalid_fields", sentences.join(" "))
    })?;
    let placed = context.shopping.check_out(member, &visit.visitor, checkout, clock::now()).await?;
    context.courier.wake();
    let mut response = (StatusCode::CREATED, Json(placed.receipt)).into_response();
    if placed.again {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub(super) async fn orders(State(context): State<Context>, visit: Visit) -> Result<Json<Value>, Problem> {
    let orders = context.shopping.orders(member(&visit)?.id).await?;
    let order = |order: Summary| {
        json!({
            "number": order.number,
            "state": order.state.name(),
            "total_cents": order.total,
            "placed_at": order.placed.to_string(),
        })
    };
    Ok(Json(json!({"orders": orders.into_iter().map(order).collect::<Vec<_>>()})))
}

pub(super) async fn order(
    State(context): State<Context>,
    Path(number): Path<String>,
    visit: Visit,
) -> Result<Json<Value>, Problem> {
    let order = context.shopping.order(member(&visit)?.id, number).await?;
    Ok(Json(order_json(&order)))
}

pub(super) async fn pay(
    State(context): State<Context>,
    Path(number): Path<String>,
    headers: HeaderMap,
    visit: Visit,
) -> Result<Json<Value>, Problem> {
    let member = member(&visit)?;
    let return_url = return_url(&context, &headers, &number);
    let page = context.shopping.pay(member.id, number, return_url, clock::now()).await?;
    Ok(Json(json!({"redirect_url": page})))
}

pub(super) async fn cancel(
    State(context): State<Context>,
    Path(number): Path<String>,
    visit: Visit,
) -> Result<Json<Value>, Problem> {
    let member = member(&visit)?.id;
    context.shopping.cancel(member, number.clone(), clock::now()).await?;
    context.courier.wake();
    Ok(Json(order_json(&context.shopping.order(member, number).await?)))
}

async fn cart_json(context: &Context, visitor: &Visitor) -> Result<Json<Value>, Problem> {
    let cart = context.shopping.cart(visitor, clock::now()).await?;
    let lines: Vec<Value> = cart
        .lines
        .iter()
        .map(|line| {
            json!({
                "sku": line.offer.sku,
                "product": line.offer.product,
                "title": line.offer.title,
                "label": line.offer.label,
                "quantity": line.quantity.pieces(),
                "price_cents": line.offer.price,
                "available": line.available >= line.quantity.pieces(),
            })
        })
        .collect();
    Ok(Json(json!({
        "lines": lines,
        "goods_cents": cart.totals.goods,
        "delivery_cents": cart.totals.delivery,
        "total_cents": cart.totals.total(),
        "currency": CURRENCY,
        "quote": cart.quote.as_str(),
    })))
}

fn order_json(order: &Order) -> Value {
    let line = |line: &OrderLine| {
        json!({
            "sku": line.sku,
            "product": line.product,
            "title": line.title,
            "label": line.label,
            "quantity": line.quantity.pieces(),
            "price_cents": line.price,
        })
    };
    json!({
        "number": order.number,
        "state": order.state.name(),
        "payment": order.payment.name(),
        "goods_cents": order.totals.goods,
        "delivery_cents": order.totals.delivery,
        "total_cents": order.totals.total(),
        "currency": CURRENCY,
        "placed_at": order.placed.to_string(),
        "expires_at": order.expires.map(|at| at.to_string()),
        "address": order.address,
        "lines": order.lines.iter().map(line).collect::<Vec<_>>(),
        "history": order
            .history
            .iter()
            .map(|reached| json!({"state": reached.state.name(), "at": reached.at.to_string()}))
            .collect::<Vec<_>>(),
    })
}
