//! Orders and refusals in words.

use crate::shopping::api::{Order, OrderState, PaymentMethod};
use crate::web::pages::{Step, StepState};

pub(super) fn short(name: &str, left: u32) -> String {
    match left {
        0 => format!("{name} is sold out."),
        left => format!("Only {left} left of {name}."),
    }
}

pub(super) fn not_now(state: OrderState) -> String {
    match state {
        OrderState::PendingPayment => "The order is waiting for its payment.".to_owned(),
        OrderState::Paid => "The order has been paid already.".to_owned(),
        OrderState::CodPlaced => "The order will be paid to the courier.".to_owned(),
        OrderState::Cancelled => "The order has been cancelled.".to_owned(),
    }
}

pub(super) fn state(state: OrderState) -> &'static str {
    match state {
        OrderState::PendingPayment => "Waiting for payment",
        OrderState::Paid => "Paid",
        OrderState::CodPlaced => "Order placed",
        OrderState::Cancelled => "Cancelled",
    }
}

pub(super) fn explanation(order: &Order, back: Return) -> String {
    match order.state {
        OrderState::PendingPayment if back == Return::Done => {
            "Your payment is being confirmed. Load this page again in a moment.".to_owned()
        }
        OrderState::PendingPayment => match order.expires {
            Some(expires) => format!("We hold these goods for you until {}.", expires.in_words()),
            None => String::new(),
        },
        OrderState::Paid => "Thank you, your payment has arrived. We are getting your parcel ready.".to_owned(),
        OrderState::CodPlaced => {
            "We are getting your parcel ready. Please have the amount at hand when the courier rings.".to_owned()
        }
        OrderState::Cancelled if order.payment == PaymentMethod::Online => {
            "This order will not be delivered. If you have paid for it, the money comes back to you.".to_owned()
        }
        OrderState::Cancelled => "This order will not be delivered.".to_owned(),
    }
}

pub(super) fn payment(order: &Order) -> String {
    match (order.payment, order.state) {
        (PaymentMethod::Online, OrderState::Paid) => "Online, paid",
        (PaymentMethod::Online, OrderState::Cancelled) => "Online",
        (PaymentMethod::Online, _) => "Online, not paid yet",
        (PaymentMethod::CashOnDelivery, _) => "Cash on delivery",
    }
    .to_owned()
}

/// How a buyer comes back from the provider, by the word that the redirect brought along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Return {
    Done,
    Declined,
    /// From somewhere else.
    Not,
}

impl Return {
    pub(super) fn from_word(word: &str) -> Return {
        match word {
            "done" => Return::Done,
            "declined" => Return::Declined,
            _ => Return::Not,
        }
    }

    pub(super) fn notice(self, order: &Order) -> Option<String> {
        let declined = self == Return::Declined && order.state == OrderState::PendingPayment;
        declined.then(|| "The payment was declined. Nothing was charged; you can try again.".to_owned())
    }
}

/// The stations of an order: those it came through, and those that it can still come to in this shop.
pub(super) fn steps(order: &Order) -> Vec<Step> {
    let reached = order.history.iter().enumerate().map(|(place, reached)| Step {
        label: if place == 0 { "Placed" } else { state(reached.state) }.to_owned(),
        at: reached.at.in_words(),
        state: if reached.state == OrderState::Cancelled { StepState::Failed } else { StepState::Done },
    });
    let mut steps: Vec<Step> = reached.collect();
    let ahead: &[&str] = match order.state {
        OrderState::PendingPayment => &["Payment", "Delivery"],
        OrderState::Paid | OrderState::CodPlaced => &["Delivery"],
        OrderState::Cancelled => &[],
    };
    for (place, label) in ahead.iter().enumerate() {
        let state = if place == 0 { StepState::Current } else { StepState::Ahead };
        steps.push(Step { label: (*label).to_owned(), at: String::new(), state });
    }
    steps
}
