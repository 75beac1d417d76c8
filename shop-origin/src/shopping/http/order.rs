//! An order's page, what its buyer can do with it, and the account that lists them.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};

use super::Context;
use super::words::{self, Return};
use crate::clock;
use crate::membership::api::MemberId;
use crate::product::media_path;
use crate::shopping::api::{Order, OrderLine, ShoppingError};
use crate::web::input::Params;
use crate::web::pages::{AccountPage, Image, OrderPage, OrderRow, SummaryLine};
use crate::web::problem::Problem;
use crate::web::site::personal;
use crate::web::visit::Visit;

/// Pictures of one order in the list.
const PICTURES: usize = 4;

pub(super) async fn page(
    State(context): State<Context>,
    Path(number): Path<String>,
    Params(params): Params,
    visit: Visit,
) -> Result<Response, Problem> {
    let Some(member) = visit.member() else { return Ok(login_first(&number)) };
    let order = context.shopping.order(member.id, number).await?;
    let back = Return::from_word(params.text("payment"));
    let notice = back.notice(&order);
    Ok(order_page(&context, order, back, notice, StatusCode::OK).await)
}

pub(super) async fn pay(
    State(context): State<Context>,
    Path(number): Path<String>,
    headers: HeaderMap,
    visit: Visit,
) -> Result<Response, Problem> {
    let Some(member) = visit.member() else { return Ok(login_first(&number)) };
    let return_url = return_url(&context, &headers, &number);
    match context.shopping.pay(member.id, number.clone(), return_url, clock::now()).await {
        Ok(page) => Ok(Redirect::to(&page).into_response()),
        Err(error) => refused(&context, member.id, number, error).await,
    }
}

pub(super) async fn cancel(
    State(context): State<Context>,
    Path(number): Path<String>,
    visit: Visit,
) -> Result<Response, Problem> {
    let Some(member) = visit.member() else { return Ok(login_first(&number)) };
    match context.shopping.cancel(member.id, number.clone(), clock::now()).await {
        Ok(()) => {
            context.courier.wake();
            Ok(Redirect::to(&format!("/order/{number}")).into_response())
        }
        Err(error) => refused(&context, member.id, number, error).await,
    }
}

pub(super) async fn account(State(context): State<Context>, visit: Visit) -> Result<Response, Problem> {
    let Some(member) = visit.member() else { return Ok(Redirect::to("/login?next=/account").into_response()) };
    let orders = context.shopping.orders(member.id).await?;
    let page = AccountPage {
        frame: context.site.frame("Your account").await,
        name: member.name.clone(),
        email: member.email.clone(),
        orders: orders
            .into_iter()
            .map(|order| OrderRow {
                pieces: order.lines.iter().map(|line| u64::from(line.quantity.pieces())).sum(),
                pictures: order.lines.iter().take(PICTURES).map(picture).collect(),
                number: order.number,
                placed_at: order.placed.in_words(),
                state: words::state(order.state).to_owned(),
                total: order.total,
            })
            .collect(),
    };
    Ok(personal(StatusCode::OK, &page))
}

/// Where the provider sends a buyer back to: as this buyer knows the shop.
pub(super) fn return_url(context: &Context, headers: &HeaderMap, number: &str) -> String {
    context.site.base_for(headers).join(&format!("/order/{number}"))
}

/// What the order does not allow any more is said on its own page.
async fn refused(
    context: &Context,
    member: MemberId,
    number: String,
    error: ShoppingError,
) -> Result<Response, Problem> {
    let problem = Problem::from(error);
    if problem.status != StatusCode::CONFLICT {
        return Err(problem);
    }
    let order = context.shopping.order(member, number).await?;
    Ok(order_page(context, order, Return::Not, Some(problem.message), problem.status).await)
}

fn login_first(number: &str) -> Response {
    let next = serde_urlencoded::to_string([("next", format!("/order/{number}"))]).unwrap_or_default();
    Redirect::to(&format!("/login?{next}")).into_response()
}

async fn order_page(
    context: &Context,
    order: Order,
    back: Return,
    notice: Option<String>,
    status: StatusCode,
) -> Response {
    let page = OrderPage {
        frame: context.site.frame(format!("Order {}", order.number)).await,
        placed_at: order.placed.in_words(),
        state: words::state(order.state).to_owned(),
        explanation: words::explanation(&order, back),
        steps: words::steps(&order),
        lines: order.lines.iter().map(summary).collect(),
        goods: order.totals.goods,
        delivery: order.totals.delivery,
        total: order.totals.total(),
        address: order.address.label(),
        payment: words::payment(&order),
        can_pay: order.can_be_paid(clock::now()),
        can_cancel: order.can_be_cancelled(),
        notice,
        number: order.number,
    };
    personal(status, &page)
}

fn summary(line: &OrderLine) -> SummaryLine {
    SummaryLine {
        href: format!("/product/{}", line.product),
        title: line.title.clone(),
        label: line.label.clone(),
        picture: picture(line),
        quantity: line.quantity.pieces(),
        price: line.price,
        total: line.price.times(line.quantity.pieces()),
    }
}

fn picture(line: &OrderLine) -> Image {
    Image { src: media_path(&line.media), alt: line.title.clone() }
}
