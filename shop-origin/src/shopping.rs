//! Carts, checkout, orders and the stock they take.
//!
//! Stock lives here because it must change in the order's own transaction (no oversell, invariant I1). Calls `product`
//! for what things are and cost, `payment` for the provider's page, `membership` for who is asking. On a node of its own
//! it would be called through a `client` with the methods of [`api::Shopping`]; what it publishes goes by the queue.

pub(crate) mod api;
mod http;
mod rules;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use http::{Context, routes};
pub(crate) use store::SCHEMA;
