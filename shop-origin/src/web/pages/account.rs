//! Logging in, registering, and what is in an account.

use askama::Template;

use super::{FieldProblem, Frame, Image};
use crate::money::Cents;

/// GET /login, and POST /login that was refused. The form posts `email`, `password` and `next`.
#[derive(Template)]
#[template(path = "login.html")]
pub(crate) struct LoginPage {
    pub(crate) frame: Frame,
    pub(crate) email: String,
    /// Path to go on to, such as "/checkout"; already checked to be one of this shop.
    pub(crate) next: String,
    /// Why it was refused.
    pub(crate) notice: Option<String>,
}

/// GET /register, and POST /register that was refused. The form posts `name`, `email`, `password` and `next`.
#[derive(Template)]
#[template(path = "register.html")]
pub(crate) struct RegisterPage {
    pub(crate) frame: Frame,
    pub(crate) name: String,
    pub(crate) email: String,
    /// As in [`LoginPage`].
    pub(crate) next: String,
    pub(crate) password_length_min: u32,
    pub(crate) problems: Vec<FieldProblem>,
    /// A problem of no single field.
    pub(crate) notice: Option<String>,
}

impl RegisterPage {
    fn problem(&self, field: &str) -> Option<&str> {
        self.problems.iter().find(|problem| problem.field == field).map(|problem| problem.message.as_str())
    }
}

/// GET /account
#[derive(Template)]
#[template(path = "account.html")]
pub(crate) struct AccountPage {
    pub(crate) frame: Frame,
    pub(crate) name: String,
    pub(crate) email: String,
    /// Latest first.
    pub(crate) orders: Vec<OrderRow>,
}

/// An order in the list of an account.
pub(crate) struct OrderRow {
    pub(crate) number: String,
    pub(crate) placed_at: String,
    /// The state in words.
    pub(crate) state: String,
    pub(crate) total: Cents,
    /// Of its lines; the first few are shown.
    pub(crate) pictures: Vec<Image>,
    /// Number of things in it.
    pub(crate) pieces: u64,
}
