//! One order.

use askama::Template;

use super::{Frame, SummaryLine};
use crate::money::Cents;

/// GET /order/{number}
#[derive(Template)]
#[template(path = "order.html")]
pub(crate) struct OrderPage {
    pub(crate) frame: Frame,
    pub(crate) number: String,
    /// Such as "11 November 2026, 00:03".
    pub(crate) placed_at: String,
    /// The state in words, such as "Waiting for payment".
    pub(crate) state: String,
    /// One sentence on what happens next or what went wrong; left out when empty.
    pub(crate) explanation: String,
    /// From placed to delivered, in order.
    pub(crate) steps: Vec<Step>,
    pub(crate) lines: Vec<SummaryLine>,
    pub(crate) goods: Cents,
    pub(crate) delivery: Cents,
    pub(crate) total: Cents,
    /// Lines of the address label.
    pub(crate) address: Vec<String>,
    /// Such as "Online, paid" or "Cash on delivery".
    pub(crate) payment: String,
    pub(crate) can_pay: bool,
    pub(crate) can_cancel: bool,
    /// The answer to what the buyer just did, such as "Your order was cancelled".
    pub(crate) notice: Option<String>,
}

/// A station of the order's way.
pub(crate) struct Step {
    pub(crate) label: String,
    /// When it was reached; empty when not yet.
    pub(crate) at: String,
    pub(crate) state: StepState,
}

/// Where the order is, seen from a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepState {
    Done,
    Current,
    Ahead,
    /// The way ended here: cancelled, declined.
    Failed,
}

impl StepState {
    fn class(self) -> &'static str {
        match self {
            StepState::Done => "done",
            StepState::Current => "current",
            StepState::Ahead => "ahead",
            StepState::Failed => "failed",
        }
    }

    /// What a screen reader says after the label.
    fn spoken(self) -> &'static str {
        match self {
            StepState::Done => "done",
            StepState::Current => "now",
            StepState::Ahead => "still ahead",
            StepState::Failed => "ended here",
        }
    }
}
