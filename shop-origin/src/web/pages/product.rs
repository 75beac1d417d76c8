//! One product.

use std::fmt;

use askama::Template;

use super::{Card, Frame, Image, Link};
use crate::money::Cents;

/// GET /product/{id}
///
/// The page is cached; a script brings price and stock up to date from `/product/{id}/offer`, which answers
/// `{"skus": [{"sku": 1000101, "price": "¥1,299.00", "list_price": "¥1,599.00" | null, "stock": "in" | "few" | "out",
/// "stock_text": "In stock"}]}`, where the last two are [`Stock::state`] and its `Display`.
#[derive(Template)]
#[template(path = "product.html")]
pub(crate) struct ProductPage {
    pub(crate) frame: Frame,
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) brand: Link,
    /// From "Home" to the product's category.
    pub(crate) crumbs: Vec<Link>,
    /// Never empty.
    pub(crate) pictures: Vec<Image>,
    /// Never empty.
    pub(crate) variants: Vec<Variant>,
    pub(crate) description: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// Most a buyer may put into the cart at once.
    pub(crate) quantity_max: u32,
    /// Other products of the category; the section is left out when empty.
    pub(crate) related: Vec<Card>,
}

impl ProductPage {
    /// The variant offered first: the first one in stock, else the first.
    fn first(&self) -> &Variant {
        self.variants.iter().find(|variant| variant.stock != Stock::Out).unwrap_or(&self.variants[0])
    }

    fn is_first(&self, variant: &Variant) -> bool {
        self.first().sku == variant.sku
    }

    /// Whether every variant should say its own price.
    fn prices_differ(&self) -> bool {
        self.variants.iter().any(|variant| variant.price != self.variants[0].price)
    }

    fn picture_of(&self, variant: &Variant) -> &Image {
        self.pictures.get(variant.picture).unwrap_or(&self.pictures[0])
    }
}

/// A SKU to choose.
pub(crate) struct Variant {
    pub(crate) sku: u64,
    /// Such as "Graphite, 256 GB".
    pub(crate) label: String,
    pub(crate) price: Cents,
    /// What it cost before, if more.
    pub(crate) list_price: Option<Cents>,
    pub(crate) stock: Stock,
    /// Index into the page's pictures.
    pub(crate) picture: usize,
}

impl Variant {
    fn saving(&self) -> Option<i64> {
        self.list_price.and_then(|before| self.price.percent_below(before))
    }
}

/// What a buyer is told of the stock; shown in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stock {
    In,
    /// So few that it is worth saying.
    Few(u32),
    Out,
}

impl Stock {
    /// From this many pieces on nobody needs to hurry.
    const FEW: u32 = 10;

    /// What `available` pieces mean to a buyer.
    pub(crate) fn of(available: u32) -> Stock {
        match available {
            0 => Stock::Out,
            1..Stock::FEW => Stock::Few(available),
            _ => Stock::In,
        }
    }

    /// For style sheet and script.
    pub(crate) fn state(self) -> &'static str {
        match self {
            Stock::In => "in",
            Stock::Few(_) => "few",
            Stock::Out => "out",
        }
    }
}

impl fmt::Display for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stock::In => f.write_str("In stock"),
            Stock::Few(left) => write!(f, "Only {left} left"),
            Stock::Out => f.write_str("Sold out"),
        }
    }
}
