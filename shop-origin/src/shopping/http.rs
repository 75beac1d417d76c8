//! Routes of carts, checkout and orders: pages for people, JSON for programs, one meaning behind both.

mod cart;
mod checkout;
mod order;
mod json;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use http::StatusCode;

use super::api::{Quantity, Shopping, ShoppingError};
use crate::backing::queue::Courier;
use crate::membership::api::{Member, Membership};
use crate::payment::api::OpenError;
use crate::product::api::SkuId;
use crate::web::input::Fields;
use crate::web::problem::Problem;
use crate::web::site::Site;
use crate::web::visit::Visit;

/// What the handlers of this subsystem work with.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) site: Site,
    pub(crate) shopping: Shopping,
    pub(crate) membership: Membership,
    /// Told when an order's step has been published.
    pub(crate) courier: Arc<Courier>,
}

impl FromRef<Context> for Membership {
    fn from_ref(context: &Context) -> Membership {
        context.membership.clone()
    }
}

pub(crate) fn routes(context: Context) -> Router {
    Router::new()
        .route("/fragment/header", get(cart::header))
        .route("/cart", get(cart::page))
        .route("/cart/lines", post(cart::add))
        .route("/cart/lines/{sku}", post(cart::set))
        .route("/checkout", get(checkout::page).post(checkout::place))
        .route("/order/{number}", get(order::page))
        .route("/order/{number}/pay", post(order::pay))
        .route("/order/{number}/cancel", post(order::cancel))
        .route("/account", get(order::account))
        .route("/api/cart", get(json::cart))
        .route("/api/cart/lines", post(json::add))
        .route("/api/cart/lines/{sku}", post(json::set))
        .route("/api/checkout", post(json::check_out))
        .route("/api/orders", get(json::orders))
        .route("/api/orders/{number}", get(json::order))
        .route("/api/orders/{number}/pay", post(json::pay))
        .route("/api/orders/{number}/cancel", post(json::cancel))
        .with_state(context)
}

/// The member who asks, for programs; people are led to the login instead.
fn member(visit: &Visit) -> Result<&Member, Problem> {
    let refusal = || Problem::new(StatusCode::UNAUTHORIZED, "login_required", "Please log in first.");
    visit.member().ok_or_else(refusal)
}

fn sku(fields: &Fields) -> Result<SkuId, Problem> {
    fields.number("sku")
}

fn sku_in_path(text: &str) -> Result<SkuId, Problem> {
    text.parse().map_err(|_not_an_id| no_such_sku())
}

/// From 1 on; `None` for 0 where that means to take it out.
fn quantity(fields: &Fields) -> Result<Quantity, Problem> {
    quantity_or_none(fields)?.ok_or_else(wrong_quantity)
}

fn quantity_or_none(fields: &Fields) -> Result<Option<Quantity>, Problem> {
    match fields.number::<u32>("quantity") {
        Ok(0) => Ok(None),
        Ok(pieces) => Quantity::new(pieces).map(Some).ok_or_else(wrong_quantity),
        Err(problem) if fields.get("quantity").is_none() => Err(problem),
        Err(_) => Err(wrong_quantity()),
    }
}

fn wrong_quantity() -> Problem {
    let message = format!("The quantity must be a whole number from 1 to {}.", Quantity::MAX);
    Problem::new(StatusCode::BAD_REQUEST, "invalid_quantity", message)
}

fn no_such_sku() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "unknown_sku", "This article is not sold here.")
}

impl From<ShoppingError> for Problem {
    fn from(error: ShoppingError) -> Problem {
        let conflict = |code, message: String| Problem::new(StatusCode::CONFLICT, code, message);
        match error {
            ShoppingError::Fault(fault) => fault.into(),
            ShoppingError::Open(OpenError::Fault(fault)) => fault.into(),
            ShoppingError::Open(OpenError::Provider(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no buyer can be sent to the provider");
                let message = "The payment provider does not answer just now. Your order is kept; please try again.";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "provider_unavailable", message)
            }
            ShoppingError::UnknownSku(_) => no_such_sku(),
            ShoppingError::NoOrder => Problem::new(StatusCode::NOT_FOUND, "no_order", "There is no such order."),
            ShoppingError::CartFull => conflict("cart_full", "The cart is full. Order what is in it first.".to_owned()),
            ShoppingError::CartEmpty => conflict("cart_empty", "The cart is empty.".to_owned()),
            ShoppingError::Short(name, left) => conflict("sold_out", words::short(&name, left)),
            ShoppingError::QuoteChanged => {
                let message = "Prices or goods have changed since you saw them. Please look at the new total.";
                conflict("price_changed", message.to_owned())
            }
            ShoppingError::KeyReused => {
                let message = "This idempotency key was used for another order.";
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "key_reused", message)
            }
            ShoppingError::NotNow(state) => conflict("wrong_state", words::not_now(state)),
        }
    }
}
