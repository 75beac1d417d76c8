//! The checkout.

use askama::Template;

use super::{Frame, SummaryLine};
use crate::money::Cents;

/// GET /checkout, and POST /checkout that was not accepted (with what was typed, and why not).
///
/// The form posts `idempotency_key`, `quote`, `recipient`, `phone`, `region`, `city`, `street`, `postcode` and `payment`
/// (`online` or `cod`).
#[derive(Template)]
#[template(path = "checkout.html")]
pub(crate) struct CheckoutPage {
    pub(crate) frame: Frame,
    /// Made anew for each checkout that begins; sent back unchanged when the form is shown again.
    pub(crate) idempotency_key: String,
    /// What the prices on this page amount to; sent back unchanged, so that a changed price is noticed.
    pub(crate) quote: String,
    pub(crate) address: AddressFields,
    pub(crate) payment: PaymentMethod,
    /// Shown at their fields, and counted above the form.
    pub(crate) problems: Vec<FieldProblem>,
    /// A problem of the whole order, such as "... is sold out".
    pub(crate) notice: Option<String>,
    pub(crate) lines: Vec<SummaryLine>,
    pub(crate) goods: Cents,
    pub(crate) delivery: Cents,
    pub(crate) total: Cents,
}

impl CheckoutPage {
    /// The problem of a field; for templates.
    fn problem(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|problem| problem.field == field).map(|problem| problem.message.as_str())
    }
}

/// Where to send it, as typed.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressFields {
    pub(crate) recipient: String,
    pub(crate) phone: String,
    /// Province or municipality.
    pub(crate) region: String,
    pub(crate) city: String,
    pub(crate) street: String,
    pub(crate) postcode: String,
}

/// What is wrong with a field of a form, by the field's name in it.
#[derive(Debug, Clone)]
pub(crate) struct FieldProblem {
    pub(crate) field: &'static str,
    /// Such as "Enter the name of the person who receives the parcel".
    pub(crate) message: String,
}

/// How a buyer pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaymentMethod {
    Online,
    CashOnDelivery,
}
