//! Carts, checkouts and orders of two processes on one database, under a scripted clock.

mod cart;
mod checkout;
mod order;
