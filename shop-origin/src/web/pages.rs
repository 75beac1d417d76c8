//! The pages as the templates see them: plain values in, HTML out.
//!
//! Nothing here knows a subsystem or a request. Whoever answers a request fills one of these structs and renders it with
//! [`askama::Template::render`]; what a template may show is exactly what its struct holds. Text is escaped by the
//! templates. Links are complete paths (with query), made by the caller.

mod home;
mod listing;
mod product;
mod cart;
mod checkout;
mod order;
mod account;
mod error;
mod provider;
#[cfg(test)]
mod tests;

use super::assets;
use crate::money::Cents;

pub(crate) use account::{AccountPage, LoginPage, OrderRow, RegisterPage};
pub(crate) use cart::{CartLine, CartPage};
pub(crate) use checkout::{AddressFields, CheckoutPage, FieldProblem, PaymentMethod};
pub(crate) use error::ErrorPage;
pub(crate) use home::{Hero, HomePage, Tile};
pub(crate) use listing::{CategoryPage, Facet, FacetChoice, Listing, PageLinks, SearchPage};
pub(crate) use order::{OrderPage, Step, StepState};
pub(crate) use product::{ProductPage, Stock, Variant};
pub(crate) use provider::ProviderPage;

/// What surrounds every page: its title, the search box, the departments. Nothing personal, as pages are cached for all;
/// name and cart count come to the header by script, from `/fragment/header` as `{"name": "Ada" | null, "cart_count": 3}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// Without the name of the shop, which the layout adds.
    pub(crate) title: String,
    /// For search engines; empty for pages that they should not list.
    pub(crate) description: String,
    /// What stands in the search box.
    pub(crate) query: String,
    /// Top categories for the navigation; may be empty when the catalogue cannot be read.
    pub(crate) departments: Vec<Link>,
}

impl Frame {
    /// Path of an embedded file; for templates.
    fn asset(&self, name: &str) -> String {
        assets::url(name)
    }
}

/// Text that leads somewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) label: String,
    pub(crate) href: String,
}

/// A picture, usually `/media/{hash}.svg`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) src: String,
    pub(crate) alt: String,
}

/// A product in a grid.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) href: String,
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) picture: Image,
    pub(crate) price: Cents,
    /// What it cost before, if more.
    pub(crate) list_price: Option<Cents>,
    /// True when variants cost different amounts: the price is then shown as "from".
    pub(crate) from: bool,
    pub(crate) sold_out: bool,
}

impl Card {
    fn saving(&self) -> Option<i64> {
        self.list_price.and_then(|before| self.price.percent_below(before))
    }
}

/// A line of an order or of the summary beside a checkout.
#[derive(Debug, Clone)]
pub(crate) struct SummaryLine {
    pub(crate) href: String,
    pub(crate) title: String,
    /// The variant, such as "Graphite, 256 GB".
    pub(crate) label: String,
    pub(crate) picture: Image,
    pub(crate) quantity: u32,
    /// Price of one.
    pub(crate) price: Cents,
    /// Price of all.
    pub(crate) total: Cents,
}
