//! Taking money through an outside provider, and the ledger that says where every cent is.
//!
//! It calls no other subsystem. What it learns from the provider it publishes as `payment.captured`, and `shopping`
//! decides what that means for the order. On a node of its own it would be called through a `client` with the methods of
//! [`api::Payment`].

pub(crate) mod api;
mod http;
mod rules;
mod store;
pub(crate) mod provider;
pub(crate) mod signature;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use http::routes;
pub(crate) use store::SCHEMA;
