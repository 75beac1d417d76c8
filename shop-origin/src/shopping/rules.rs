//! Decisions about carts, prices and orders that need neither data nor a clock.

mod address;
mod pricing;
mod quantity;
mod states;

pub(crate) use address::Address;
pub(crate) use pricing::{Quote, Totals};
pub(crate) use quantity::Quantity;
pub(crate) use states::{Cause, Event, OrderState, StockEffect, TRANSITIONS, Transition, replay, step};
