//! The checkout: a cart becomes an order, once per key, with its stock or not at all.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{OrderLine, PaymentMethod, Shopping, ShoppingError};
use crate::backing::db::Fault;
use crate::backing::secret::hex;
use crate::clock::Timestamp;
use crate::membership::api::{Member, MemberId, Visitor};
use crate::money::Cents;
use crate::shopping::rules::{Address, OrderState, Quote};
use crate::shopping::store::checkout::Answered;
use crate::shopping::store::order::{NewOrder, Stuck};
use crate::shopping::{api::cart::Cart, store};

/// How long an order waits for its payment, its stock reserved.
pub(in crate::shopping) const PAYMENT_WINDOW: Duration = Duration::from_secs(15 * 60);
/// A cart that changes under a checkout is priced again this often.
const PRICING_ATTEMPTS: usize = 3;
const NUMBER_GROUPS: usize = 4;

/// A client's name for one checkout: the same name is the same checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckoutKey(String);

impl CheckoutKey {
    const LENGTH: std::ops::RangeInclusive<usize> = 8..=100;

    pub(crate) fn parse(text: &str) -> Option<CheckoutKey> {
        let good = Self::LENGTH.contains(&text.len()) && text.bytes().all(|c| c.is_ascii_graphic());
        good.then(|| CheckoutKey(text.to_owned()))
    }
}

/// What somebody asks for at the checkout.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    pub(crate) key: CheckoutKey,
    pub(crate) address: Address,
    pub(crate) payment: PaymentMethod,
    /// What the shopper was shown; `None` accepts the prices of now.
    pub(crate) quote: Option<Quote>,
}

/// What a checkout is answered, now and whenever it is asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) number: String,
    pub(crate) state: String,
    pub(crate) total_cents: Cents,
}

/// A receipt, and whether the order was there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) receipt: Receipt,
    pub(crate) again: bool,
}

/// How one attempt in the database ended.
enum Attempt {
    Placed(Placed),
    /// The cart is not the one that was priced.
    CartMoved,
}

impl Shopping {
    /// Makes an order of a member's cart. The order, its stock, its message and this answer are one transaction, and the
    /// answer is given after its commit (invariants I1, I3, I4).
    pub(crate) async fn check_out(
        &self,
        member: &Member,
        visitor: &Visitor,
        checkout: Checkout,
        now: Timestamp,
    ) -> Result<Placed, ShoppingError> {
        let owner = self.settled_owner(visitor, now).await?.ok_or(ShoppingError::CartEmpty)?;
        for _ in 0..PRICING_ATTEMPTS {
            let cart_of = owner.clone();
            let wanted = self.db.read(move |tx| store::cart::lines(tx, &cart_of)).await?;
            let cart = self.priced(wanted).await?;
            let (member, owner, checkout) = (member.id, owner.clone(), checkout.clone());
            let attempt = self.db.write(move |tx| place(tx, member, &owner, &cart, &checkout, now)).await?;
            if let Attempt::Placed(placed) = attempt {
                return Ok(placed);
            }
        }
        Err(ShoppingError::QuoteChanged)
    }
}

fn place(
    tx: &rusqlite::Transaction<'_>,
    member: MemberId,
    owner: &str,
    cart: &Cart,
    checkout: &Checkout,
    now: Timestamp,
) -> Result<Attempt, ShoppingError> {
    let CheckoutKey(key) = &checkout.key;
    let request_hash = checkout.hash();
    // Before anything about the cart: the first order has emptied it.
    if let Some(answered) = store::checkout::answered(tx, member, key)? {
        if answered.request_hash != request_hash {
            return Err(ShoppingError::KeyReused);
        }
        let receipt = serde_json::from_str(&answered.response).map_err(Fault::from)?;
        return Ok(Attempt::Placed(Placed { receipt, again: true }));
    }
    if !cart.is_still(tx, owner)? {
        return Ok(Attempt::CartMoved);
    }
    if cart.lines.is_empty() {
        return Err(ShoppingError::CartEmpty);
    }
    if checkout.quote.as_ref().is_some_and(|seen| *seen != cart.quote) {
        return Err(ShoppingError::QuoteChanged);
    }
    let receipt = write_order(tx, member, cart, checkout, now)?;
    let response = serde_json::to_string(&receipt).map_err(Fault::from)?;
    store::checkout::keep(tx, member, key, &receipt.number, &Answered { request_hash, response }, now)?;
    store::cart::empty(tx, owner)?;
    Ok(Attempt::Placed(Placed { receipt, again: false }))
}

fn write_order(
    tx: &rusqlite::Transaction<'_>,
    member: MemberId,
    cart: &Cart,
    checkout: &Checkout,
    now: Timestamp,
) -> Result<Receipt, ShoppingError> {
    let address = serde_json::to_string(&checkout.address).map_err(Fault::from)?;
    let lines: Vec<OrderLine> = cart.lines.iter().map(OrderLine::of).collect();
    let (state, expires) = match checkout.payment {
        PaymentMethod::Online => (OrderState::PendingPayment, Some(now.plus(PAYMENT_WINDOW))),
        PaymentMethod::CashOnDelivery => (OrderState::CodPlaced, None),
    };
    let number = order_number(rand::random());
    let order = NewOrder {
        number: &number,
        member,
        payment: checkout.payment,
        totals: cart.totals,
        address: &address,
        lines: &lines,
        expires,
    };
    match store::order::place(tx, &order, now)? {
        Ok(()) => Ok(Receipt { number, state: state.name().to_owned(), total_cents: cart.totals.total() }),
        Err(Stuck::Short(sku)) => {
            let line = cart.lines.iter().find(|line| line.offer.sku == sku);
            let name = line.map(|line| format!("{} ({})", line.offer.title, line.offer.label)).unwrap_or_default();
            Err(ShoppingError::Short(name, store::stock::available(tx, &[sku])?.get(&sku).copied().unwrap_or(0)))
        }
        Err(Stuck::Illegal) => Err(Fault::Corrupt("the table of steps has no first step".to_owned()).into()),
    }
}

impl Checkout {
    /// Equal for equal requests: what is compared when a key comes again.
    fn hash(&self) -> String {
        let Address { recipient, phone, region, city, street, postcode } = &self.address;
        let quote = self.quote.as_ref().map_or("", Quote::as_str);
        let mut digest = Sha256::new();
        for field in [recipient, phone, region, city, street, postcode, self.payment.name(), quote] {
            // With their lengths, so that no field can spill into the next.
            digest.update(format!("{}:{field}", field.len()));
        }
        hex(&digest.finalize())
    }
}

/// Four groups of four from 80 random bits: nobody guesses one. No digit can be read as a letter (Crockford's base 32).
fn order_number(random: u128) -> String {
    const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let digit = |place: usize| char::from(DIGITS[(random >> (place * 5)) as usize & 31]);
    let group = |group: usize| (0..4).map(|place| digit(group * 4 + place)).collect::<String>();
    (0..NUMBER_GROUPS).map(group).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_numbers_are_read_aloud_without_doubt() {
        assert_eq!(order_number(0), "0000-0000-0000-0000");
        assert_eq!(order_number(u128::MAX), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
        assert_eq!(order_number(1 | 31 << 75), "1000-0000-0000-000Z");
    }

    #[test]
    fn keys_are_bounded() {
        for foreign in ["", "short", "with space", "tab\tbed-key", &"k".repeat(101)] {
            assert_eq!(CheckoutKey::parse(foreign), None, "{foreign}");
        }
        assert!(CheckoutKey::parse("3f2b8a54-6f0e-4f3a-9a55-0d3f0a1c2b4d").is_some());
    }
}
