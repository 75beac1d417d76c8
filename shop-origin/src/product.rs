//! The catalogue: categories, brands, products with their SKUs and prices, pictures and search.
//!
//! It calls no other subsystem and knows nothing of stock, which belongs to `shopping`. It runs wherever its callers do;
//! on a node of its own it would be called through a `client` with the methods of [`api::Catalogue`].

pub(crate) mod api;
mod http;
mod rules;
mod store;
pub(crate) mod seed;
pub(crate) mod picture;

pub(crate) use http::{media_path, routes};
pub(crate) use store::SCHEMA;
