//! Accounts and sessions: who is asking.
//!
//! It calls no other subsystem. On a node of its own it would be called through a `client` with the methods of
//! [`api::Membership`]; sessions then still live in the key-value store that all nodes share.

pub(crate) mod api;
mod http;
mod password;
mod rules;
mod session;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use http::routes;
pub(crate) use store::SCHEMA;
