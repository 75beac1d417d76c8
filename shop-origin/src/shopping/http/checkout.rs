//! The checkout's page.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;

use super::Context;
use super::cart::summary;
use crate::backing::secret::token;
use crate::clock;
use crate::shopping::api::{Address, Cart, Checkout, CheckoutKey, PaymentMethod, Quote, ShoppingError};
use crate::web::input::Fields;
use crate::web::pages::{self, AddressFields, CheckoutPage, FieldProblem};
use crate::web::problem::Problem;
use crate::web::site::personal;
use crate::web::visit::Visit;

const LOGIN_FIRST: &str = "/login?next=/checkout";

pub(super) async fn page(State(context): State<Context>, visit: Visit) -> Result<Response, Problem> {
    let Some(member) = visit.member() else { return Ok(Redirect::to(LOGIN_FIRST).into_response()) };
    let cart = context.shopping.cart(&visit.visitor, clock::now()).await?;
    if cart.lines.is_empty() {
        return Ok(Redirect::to("/cart").into_response());
    }
    let typed = Typed { recipient: member.name.clone(), ..Typed::default() };
    Ok(checkout_page(&context, cart, typed, StatusCode::OK).await)
}

pub(super) async fn place(State(context): State<Context>, visit: Visit, fields: Fields) -> Result<Response, Problem> {
    let Some(member) = visit.member() else { return Ok(Redirect::to(LOGIN_FIRST).into_response()) };
    let (refusal, status) = match parse(&fields, fields.text("idempotency_key")) {
        Err(problems) => (Refusal { problems, notice: None }, StatusCode::BAD_REQUEST),
        Ok(checkout) => match context.shopping.check_out(member, &visit.visitor, checkout, clock::now()).await {
            Ok(placed) => {
                context.courier.wake();
                return Ok(Redirect::to(&format!("/order/{}", placed.receipt.number)).into_response());
            }
            Err(ShoppingError::CartEmpty) => return Ok(Redirect::to("/cart").into_response()),
            Err(error) => {
                let problem = Problem::from(error);
                if !problem.status.is_client_error() {
                    return Err(problem);
                }
                (Refusal { problems: Vec::new(), notice: Some(problem.message) }, problem.status)
            }
        },
    };
    let cart = context.shopping.cart(&visit.visitor, clock::now()).await?;
    let typed = Typed::of(&fields, refusal, status);
    Ok(checkout_page(&context, cart, typed, status).await)
}

/// Reads a checkout, of a form or of a JSON object; all problems of its fields at once.
pub(super) fn parse(fields: &Fields, key: &str) -> Result<Checkout, Vec<FieldProblem>> {
    let key = CheckoutKey::parse(key);
    let payment = PaymentMethod::from_name(fields.text("payment"));
    let address = Address::parse(|name| fields.get(name));
    let quote = fields.get("quote").filter(|quote| !quote.is_empty()).map(Quote::claimed);
    let mut problems: Vec<(&'static str, &'static str)> = Vec::new();
    if key.is_none() {
        problems.push(("idempotency_key", "The idempotency key must have 8 to 100 visible characters"));
    }
    if payment.is_none() {
        problems.push(("payment", "Choose how to pay: online or cash on delivery"));
    }
    match (key, payment, address) {
        (Some(key), Some(payment), Ok(address)) => Ok(Checkout { key, address, payment, quote }),
        (_, _, address) => {
            problems.extend(address.err().into_iter().flatten());
            Err(problems.into_iter().map(|(field, text)| FieldProblem { field, message: text.to_owned() }).collect())
        }
    }
}

struct Refusal {
    problems: Vec<FieldProblem>,
    notice: Option<String>,
}

/// What is shown again of what was typed.
#[derive(Default)]
struct Typed {
    key: Option<String>,
    recipient: String,
    address: AddressFields,
    cod: bool,
    problems: Vec<FieldProblem>,
    notice: Option<String>,
}

impl Typed {
    fn of(fields: &Fields, refusal: Refusal, status: StatusCode) -> Typed {
        let text = |name| fields.text(name).to_owned();
        // A key that another order has used, or that is none, would be refused for ever.
        let spent = status == StatusCode::UNPROCESSABLE_ENTITY;
        let key = CheckoutKey::parse(fields.text("idempotency_key")).filter(|_| !spent);
        Typed {
            key: key.map(|_| text("idempotency_key")),
            recipient: text("recipient"),
            address: AddressFields {
                recipient: String::new(),
                phone: text("phone"),
                region: text("region"),
                city: text("city"),
                street: text("street"),
                postcode: text("postcode"),
            },
            cod: fields.get("payment") == Some(PaymentMethod::CashOnDelivery.name()),
            problems: refusal.problems,
            notice: refusal.notice,
        }
    }
}

async fn checkout_page(context: &Context, cart: Cart, typed: Typed, status: StatusCode) -> Response {
    let page = CheckoutPage {
        frame: context.site.frame("Checkout").await,
        idempotency_key: typed.key.unwrap_or_else(token::<16>),
        quote: cart.quote.as_str().to_owned(),
        address: AddressFields { recipient: typed.recipient, ..typed.address },
        payment: if typed.cod { pages::PaymentMethod::CashOnDelivery } else { pages::PaymentMethod::Online },
        problems: typed.problems,
        notice: typed.notice,
        lines: cart.lines.iter().map(summary).collect(),
        goods: cart.totals.goods,
        delivery: cart.totals.delivery,
        total: cart.totals.total(),
    };
    personal(status, &page)
}
