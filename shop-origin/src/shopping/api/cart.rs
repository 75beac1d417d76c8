//! Carts: what is in them, at the prices of now.

use rusqlite::Transaction;

use super::{Shopping, ShoppingError, cart_owner};
use crate::backing::db::Fault;
use crate::clock::Timestamp;
use crate::membership::api::Visitor;
use crate::product::api::{Offer, SkuId};
use crate::shopping::rules::{Quantity, Quote, Totals};
use crate::shopping::store;

/// Different SKUs in one cart.
const LINES_MAX: usize = 100;

/// A cart at the prices and stock of now.
#[derive(Debug, Clone)]
pub(crate) struct Cart {
    pub(crate) lines: Vec<CartLine>,
    pub(crate) totals: Totals,
    pub(crate) quote: Quote,
}

#[derive(Debug, Clone)]
pub(crate) struct CartLine {
    pub(crate) offer: Offer,
    pub(crate) quantity: Quantity,
    pub(crate) available: u32,
}

impl Shopping {
    /// What is in a visitor's cart. SKUs that are no longer sold are left out.
    pub(crate) async fn cart(&self, visitor: &Visitor, now: Timestamp) -> Result<Cart, ShoppingError> {
        let Some(owner) = self.settled_owner(visitor, now).await? else { return Ok(Cart::of(Vec::new())) };
        let wanted = self.db.read(move |tx| store::cart::lines(tx, &owner)).await?;
        self.priced(wanted).await
    }

    /// How many pieces are in a visitor's cart.
    pub(crate) async fn cart_pieces(&self, visitor: &Visitor, now: Timestamp) -> Result<u32, ShoppingError> {
        let Some(owner) = self.settled_owner(visitor, now).await? else { return Ok(0) };
        Ok(self.db.read(move |tx| store::cart::pieces(tx, &owner)).await?)
    }

    /// Puts more pieces of a SKU into a cart. There must be as many now; they are not reserved before the checkout.
    pub(crate) async fn add_to_cart(
        &self,
        visitor: &Visitor,
        sku: SkuId,
        more: Quantity,
        now: Timestamp,
    ) -> Result<(), ShoppingError> {
        self.change_cart(visitor, sku, move |there| there.map_or(more, |there| there.plus(more)), now).await
    }

    /// Sets how many pieces of a SKU are in a cart; `None` takes it out.
    pub(crate) async fn set_in_cart(
        &self,
        visitor: &Visitor,
        sku: SkuId,
        quantity: Option<Quantity>,
        now: Timestamp,
    ) -> Result<(), ShoppingError> {
        if let Some(quantity) = quantity {
            return self.change_cart(visitor, sku, move |_| quantity, now).await;
        }
        let Some(owner) = self.settled_owner(visitor, now).await? else { return Ok(()) };
        Ok(self.db.write(move |tx| store::cart::remove(tx, &owner, sku)).await?)
    }

    async fn change_cart(
        &self,
        visitor: &Visitor,
        sku: SkuId,
        change: impl FnOnce(Option<Quantity>) -> Quantity + Send + 'static,
        now: Timestamp,
    ) -> Result<(), ShoppingError> {
        let offers = self.catalogue.offers(vec![sku]).await?;
        let offer = offers.get(&sku).ok_or(ShoppingError::UnknownSku(sku))?;
        let name = format!("{} ({})", offer.title, offer.label);
        let owner = self.settled_owner(visitor, now).await?.ok_or(ShoppingError::CartEmpty)?;
        self.db
            .write(move |tx| {
                let there = store::cart::quantity(tx, &owner, sku)?;
                if there.is_none() && store::cart::lines(tx, &owner)?.len() >= LINES_MAX {
                    return Err(ShoppingError::CartFull);
                }
                let wanted = change(there);
                let available = store::stock::available(tx, &[sku])?.get(&sku).copied().unwrap_or(0);
                // Fewer of what is short is always allowed: it is the way out.
                if wanted.pieces() > available && there.is_none_or(|there| wanted > there) {
                    return Err(ShoppingError::Short(name, available));
                }
                Ok(store::cart::set(tx, &owner, sku, wanted, now)?)
            })
            .await
    }

    /// The owner of a visitor's cart, after a guest's cart has become the member's. That is done here and not at the
    /// login, which is another subsystem's: whenever the cart is next looked at, also after a crash in between.
    pub(super) async fn settled_owner(
        &self,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<Option<String>, ShoppingError> {
        let owner = cart_owner(visitor);
        if let (Some(_), Some(guest), Some(owner)) = (&visitor.member, &visitor.guest, owner.clone()) {
            let guest = format!("guest:{guest}");
            let name = guest.clone();
            if self.db.read(move |tx| store::cart::pieces(tx, &name)).await? > 0 {
                self.db.write(move |tx| store::cart::merge(tx, &guest, &owner, now)).await?;
            }
        }
        Ok(owner)
    }

    /// Puts prices and stock to the lines of a cart.
    pub(super) async fn priced(&self, wanted: Vec<(SkuId, Quantity)>) -> Result<Cart, ShoppingError> {
        let skus: Vec<SkuId> = wanted.iter().map(|(sku, _)| *sku).collect();
        let mut offers = self.catalogue.offers(skus.clone()).await?;
        let available = self.available(skus).await?;
        let lines = wanted.into_iter().filter_map(|(sku, quantity)| {
            let offer = offers.remove(&sku)?;
            Some(CartLine { offer, quantity, available: available.get(&sku).copied().unwrap_or(0) })
        });
        Ok(Cart::of(lines.collect()))
    }
}

impl Cart {
    fn of(lines: Vec<CartLine>) -> Cart {
        let priced = lines.iter().map(|line| (line.offer.price, line.quantity.pieces()));
        let totals = Totals::of(priced);
        let quoted = lines.iter().map(|line| (line.offer.sku, line.quantity.pieces(), line.offer.price));
        let quote = Quote::of(quoted);
        Cart { lines, totals, quote }
    }

    /// Whether the cart in the database still holds exactly these lines.
    pub(super) fn is_still(&self, tx: &Transaction<'_>, owner: &str) -> Result<bool, Fault> {
        let now = store::cart::lines(tx, owner)?;
        Ok(now.iter().copied().eq(self.lines.iter().map(|line| (line.offer.sku, line.quantity))))
    }
}
