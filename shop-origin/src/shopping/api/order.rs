//! Orders after they were placed: paid, cancelled, expired, looked at.

use super::{CartLine, Shopping, ShoppingError};
use crate::backing::db::Fault;
use crate::backing::queue;
use crate::clock::Timestamp;
use crate::membership::api::MemberId;
use crate::money::Cents;
use crate::payment::api::{Bill, CAPTURED, Captured};
use crate::product::api::{ProductId, SkuId};
use crate::shopping::rules::{Address, Cause, OrderState, Quantity, Totals};
use crate::shopping::store;

/// Orders released by one sweep; the rest wait for the next.
const SWEEP_MAX: u32 = 200;
/// Orders that an account shows.
const SHOWN_MAX: u32 = 50;

/// How an order is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PaymentMethod {
    Online,
    CashOnDelivery,
}

impl PaymentMethod {
    /// As it is stored and sent.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            PaymentMethod::Online => "online",
            PaymentMethod::CashOnDelivery => "cod",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<PaymentMethod> {
        [PaymentMethod::Online, PaymentMethod::CashOnDelivery].into_iter().find(|method| method.name() == name)
    }
}

/// One order in full.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) number: String,
    pub(crate) state: OrderState,
    pub(crate) payment: PaymentMethod,
    pub(crate) totals: Totals,
    pub(crate) address: Address,
    pub(crate) placed: Timestamp,
    /// When its stock is released unless it is paid.
    pub(crate) expires: Option<Timestamp>,
    pub(crate) lines: Vec<OrderLine>,
    pub(crate) history: Vec<Reached>,
}

/// What was ordered, as it was called and cost at the checkout.
#[derive(Debug, Clone)]
pub(crate) struct OrderLine {
    pub(crate) sku: SkuId,
    pub(crate) quantity: Quantity,
    pub(crate) product: ProductId,
    pub(crate) title: String,
    pub(crate) label: String,
    pub(crate) media: String,
    pub(crate) price: Cents,
}

/// A state and when the order came to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    pub(crate) state: OrderState,
    pub(crate) at: Timestamp,
}

/// An order in a list.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    pub(crate) number: String,
    pub(crate) state: OrderState,
    pub(crate) total: Cents,
    pub(crate) placed: Timestamp,
    pub(crate) lines: Vec<OrderLine>,
}

impl OrderLine {
    pub(super) fn of(line: &CartLine) -> OrderLine {
        let offer = line.offer.clone();
        OrderLine {
            sku: offer.sku,
            quantity: line.quantity,
            product: offer.product,
            title: offer.title,
            label: offer.label,
            media: offer.media,
            price: offer.price,
        }
    }
}

impl Order {
    /// Whether its buyer can still be sent to pay at `now`.
    pub(crate) fn can_be_paid(&self, now: Timestamp) -> bool {
        self.state == OrderState::PendingPayment && self.expires.is_none_or(|expires| now < expires)
    }

    pub(crate) fn can_be_cancelled(&self) -> bool {
        crate::shopping::rules::step(Some(self.state), Cause::Cancel).is_some()
    }
}

impl Shopping {
    /// A member's own order; anybody else's does not exist.
    pub(crate) async fn order(&self, member: MemberId, number: String) -> Result<Order, ShoppingError> {
        let found = self.db.read(move |tx| store::order::order(tx, &number, member)).await?;
        found.ok_or(ShoppingError::NoOrder)
    }

    /// A member's latest orders.
    pub(crate) async fn orders(&self, member: MemberId) -> Result<Vec<Summary>, ShoppingError> {
        Ok(self.db.read(move |tx| store::order::summaries(tx, member, SHOWN_MAX)).await?)
    }

    /// The provider's page for an order that waits for its payment; `return_url` is the order's own page.
    pub(crate) async fn pay(
        &self,
        member: MemberId,
        number: String,
        return_url: String,
        now: Timestamp,
    ) -> Result<String, ShoppingError> {
        let order = self.order(member, number).await?;
        match order.can_be_paid(now) {
            true => {
                let bill = Bill { order: order.number, amount: order.totals.total(), return_url };
                Ok(self.payment.open(bill, now).await?)
            }
            // Its time is over, also if no sweep has come by yet.
            false if order.state == OrderState::PendingPayment => Err(ShoppingError::NotNow(OrderState::Cancelled)),
            false => Err(ShoppingError::NotNow(order.state)),
        }
    }

    /// Cancels a member's order and releases its stock.
    pub(crate) async fn cancel(&self, member: MemberId, number: String, now: Timestamp) -> Result<(), ShoppingError> {
        self.db
            .write(move |tx| {
                let head = store::order::head(tx, &number, Some(member))?.ok_or(ShoppingError::NoOrder)?;
                match store::order::advance(tx, &head, Cause::Cancel, now)? {
                    Ok(_) => Ok(()),
                    Err(_stuck) => Err(ShoppingError::NotNow(head.state)),
                }
            })
            .await
    }

    /// Lets a captured payment pay for its order. Where it cannot any more (the order was cancelled, was paid by another
    /// capture, is unknown, or costs something else) the money is noted to be given back: never swallowed (invariant I7).
    /// Being told again of a capture changes nothing.
    pub(crate) async fn settle(&self, captured: Captured, now: Timestamp) -> Result<(), Fault> {
        let capture = captured.capture;
        let late = self
            .db
            .write(move |tx| {
                let Some(head) = store::order::head(tx, &captured.order, None)? else { return Ok(Some("no order")) };
                if head.paid_by == Some(captured.capture) {
                    return Ok(None);
                }
                if head.total != captured.amount {
                    return Ok(Some("another amount"));
                }
                match store::order::advance(tx, &head, Cause::Pay, now)? {
                    Ok(_) => {
                        store::order::set_paid_by(tx, &head, captured.capture)?;
                        Ok::<_, Fault>(None)
                    }
                    Err(_stuck) if head.state == OrderState::Paid => Ok(Some("paid twice")),
                    Err(_stuck) => Ok(Some("order was cancelled")),
                }
            })
            .await?;
        if let Some(reason) = late {
            tracing::warn!(capture, reason, "a payment does not fit its order and must be given back");
            self.payment.refund_due(capture, reason, now).await?;
        }
        Ok(())
    }

    /// Cancels orders that were not paid in time and releases their stock; returns how many. Several processes may sweep
    /// at once: each order moves once. An order whose money was taken, and which only waits to hear of it, is left alone:
    /// it is as good as paid.
    pub(crate) async fn expire_unpaid(&self, now: Timestamp) -> Result<usize, Fault> {
        let due = self.db.read(move |tx| store::order::expired(tx, now, SWEEP_MAX)).await?;
        let mut expired = 0;
        for number in due {
            let moved = self
                .db
                .write(move |tx| {
                    let Some(head) = store::order::head(tx, &number, None)? else { return Ok(false) };
                    if head.expires.is_none_or(|expires| expires > now) || queue::is_waiting(tx, CAPTURED, &number)? {
                        return Ok(false);
                    }
                    Ok::<_, Fault>(store::order::advance(tx, &head, Cause::Expire, now)?.is_ok())
                })
                .await?;
            expired += usize::from(moved);
        }
        Ok(expired)
    }
}
