//! The crate as its users see it: files in, model or problems out.

mod golden;
mod shipped;
mod foreign;
