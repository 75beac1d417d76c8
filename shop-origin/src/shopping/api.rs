//! What others may ask of carts, orders and stock.

mod cart;
mod checkout;
mod order;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::store;
use crate::backing::db::{Db, Fault};
use crate::clock::Timestamp;
use crate::membership::api::Visitor;
use crate::payment::api::{OpenError, Payment};
use crate::product::api::{Catalogue, ProductId, SkuId};

pub(crate) use super::rules::{Address, Cause, Event, OrderState, Quantity, Quote, TRANSITIONS, replay};
pub(crate) use cart::{Cart, CartLine};
pub(crate) use checkout::{Checkout, CheckoutKey};
pub(crate) use order::{Order, OrderLine, PaymentMethod, Reached, Summary};

/// The topic of an order that was paid online; the subject is its number.
pub(crate) const PAID: &str = "order.paid";
/// The topic of an order that will not be delivered; the subject is its number.
pub(crate) const CANCELLED: &str = "order.cancelled";

/// Carts that nobody has touched for this long are emptied.
const CART_LIFE: Duration = Duration::from_secs(60 * 24 * 3600);

/// The carts, orders and stock of this process.
#[derive(Clone)]
pub(crate) struct Shopping {
    db: Db,
    catalogue: Catalogue,
    payment: Payment,
}

/// Why something could not be done with a cart or an order; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShoppingError {
    #[error(transparent)]
    Fault(#[from] Arc<Fault>),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("there is no SKU {0}")]
    UnknownSku(SkuId),
    #[error("the cart is full")]
    CartFull,
    #[error("the cart is empty")]
    CartEmpty,
    /// What it is called, and how many there are.
    #[error("there are {1} pieces of {0}")]
    Short(String, u32),
    #[error("prices or goods have changed since they were shown")]
    QuoteChanged,
    #[error("this key was used for another order")]
    KeyReused,
    #[error("there is no such order")]
    NoOrder,
    /// Where the order is instead.
    #[error("the order is {0} already")]
    NotNow(OrderState),
}

impl From<Fault> for ShoppingError {
    fn from(fault: Fault) -> ShoppingError {
        ShoppingError::Fault(Arc::new(fault))
    }
}

impl Shopping {
    pub(crate) fn new(db: Db, catalogue: Catalogue, payment: Payment) -> Shopping {
        Shopping { db, catalogue, payment }
    }

    /// Pieces that can be bought now, for those of `skus` that are known.
    pub(crate) async fn available(&self, skus: Vec<SkuId>) -> Result<HashMap<SkuId, u32>, Fault> {
        self.db.read(move |tx| store::stock::available(tx, &skus)).await
    }

    /// Those of `products` of which nothing is left.
    pub(crate) async fn sold_out(&self, products: Vec<ProductId>) -> Result<HashSet<ProductId>, Fault> {
        self.db.read(move |tx| store::stock::sold_out(tx, &products)).await
    }

    /// Brings in first pieces; what is known keeps what it has.
    pub(crate) async fn supply(&self, pieces: Vec<(ProductId, SkuId, u32)>) -> Result<(), Fault> {
        self.db
            .write(move |tx| {
                pieces.iter().try_for_each(|(product, sku, n)| store::stock::supply(tx, *product, *sku, *n))
            })
            .await
    }

    /// Empties carts that were forgotten; returns how many lines went.
    pub(crate) async fn purge_carts(&self, now: Timestamp) -> Result<usize, Fault> {
        self.db.write(move |tx| store::cart::purge(tx, now.minus(CART_LIFE))).await
    }
}

/// Whose cart: the name it is stored under. `None` for somebody who has no session yet, and so an empty cart.
fn cart_owner(visitor: &Visitor) -> Option<String> {
    match (&visitor.member, &visitor.guest) {
        (Some(member), _) => Some(format!("member:{}", member.id)),
        (None, Some(guest)) => Some(format!("guest:{guest}")),
        (None, None) => None,
    }
}
