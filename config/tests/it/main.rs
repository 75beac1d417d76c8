//! The crate as its users see it: files in, model or problems out.

mod shipped;
