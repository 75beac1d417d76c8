//! The cart's pages.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde_json::json;

use super::{Context, quantity, quantity_or_none, sku, sku_in_path};
use crate::clock;
use crate::membership::api::Visitor;
use crate::money::Cents;
use crate::product::media_path;
use crate::shopping::api::{CartLine, Quantity};
use crate::web::input::Fields;
use crate::web::pages::{self, CartPage, Image, Stock, SummaryLine};
use crate::web::problem::Problem;
use crate::web::site::personal;
use crate::web::visit::Visit;

/// Name and cart count, which cached pages fetch apart from themselves.
pub(super) async fn header(State(context): State<Context>, visit: Visit) -> Result<Response, Problem> {
    let pieces = context.shopping.cart_pieces(&visit.visitor, clock::now()).await?;
    let name = visit.member().map(|member| &member.name);
    Ok(Json(json!({"name": name, "cart_count": pieces})).into_response())
}

pub(super) async fn page(State(context): State<Context>, visit: Visit) -> Result<Response, Problem> {
    cart_page(&context, &visit.visitor, None, StatusCode::OK).await
}

pub(super) async fn add(
    State(context): State<Context>,
    visit: Visit,
    fields: Result<Fields, Problem>,
) -> Result<Response, Problem> {
    let wanted = fields.and_then(|fields| Ok((sku(&fields)?, quantity(&fields)?)));
    let (sku, quantity) = match wanted {
        Ok(wanted) => wanted,
        // Nothing is kept for somebody who is refused, so no session is begun.
        Err(problem) => return back_to_cart(&context, &visit.visitor, Err(problem)).await,
    };
    let (visitor, cookie) = visit.with_session(&context.membership, context.site.secure()).await?;
    let added = context.shopping.add_to_cart(&visitor, sku, quantity, clock::now()).await;
    let mut response = back_to_cart(&context, &visitor, added.map_err(Problem::from)).await?;
    response.headers_mut().extend(cookie);
    Ok(response)
}

pub(super) async fn set(
    State(context): State<Context>,
    Path(sku): Path<String>,
    visit: Visit,
    fields: Result<Fields, Problem>,
) -> Result<Response, Problem> {
    let changed = async {
        let fields = fields?;
        let (sku, quantity) = (sku_in_path(&sku)?, quantity_or_none(&fields)?);
        context.shopping.set_in_cart(&visit.visitor, sku, quantity, clock::now()).await.map_err(Problem::from)
    };
    back_to_cart(&context, &visit.visitor, changed.await).await
}

/// On to the cart; what was refused is said there, with the refusal's status.
async fn back_to_cart(context: &Context, visitor: &Visitor, done: Result<(), Problem>) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(Redirect::to("/cart").into_response()),
        Err(problem) if problem.status.is_client_error() => {
            cart_page(context, visitor, Some(problem.message), problem.status).await
        }
        Err(problem) => Err(problem),
    }
}

async fn cart_page(
    context: &Context,
    visitor: &Visitor,
    notice: Option<String>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let cart = context.shopping.cart(visitor, clock::now()).await?;
    let saved = |line: &CartLine| (line.offer.list_price - line.offer.price).times(line.quantity.pieces());
    let saving: Cents = cart.lines.iter().map(saved).sum();
    let page = CartPage {
        frame: context.site.frame("Cart").await,
        lines: cart.lines.iter().map(shown).collect(),
        total: cart.totals.goods,
        saving,
        notice,
        quantity_max: Quantity::MAX,
    };
    Ok(personal(status, &page))
}

fn shown(line: &CartLine) -> pages::CartLine {
    let blocked = line.available < line.quantity.pieces();
    let note = match Stock::of(line.available) {
        Stock::In if !blocked => None,
        stock => Some(stock.to_string()),
    };
    let note = if blocked && line.available > 0 { Some(format!("Only {} left", line.available)) } else { note };
    pages::CartLine { sku: line.offer.sku, line: summary(line), note, blocked }
}

pub(super) fn summary(line: &CartLine) -> SummaryLine {
    let offer = &line.offer;
    SummaryLine {
        href: format!("/product/{}", offer.product),
        title: offer.title.clone(),
        label: offer.label.clone(),
        picture: Image { src: media_path(&offer.media), alt: offer.title.clone() },
        quantity: line.quantity.pieces(),
        price: offer.price,
        total: offer.price.times(line.quantity.pieces()),
    }
}
