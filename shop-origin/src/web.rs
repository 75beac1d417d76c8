//! The contract with the edge and with browsers: freshness, tags, errors, sessions, forms and pages.

pub(crate) mod freshness;
pub(crate) mod surrogate;
pub(crate) mod conditional;
pub(crate) mod problem;
pub(crate) mod input;
pub(crate) mod visit;
pub(crate) mod same_origin;
pub(crate) mod site;
pub(crate) mod envelope;
pub(crate) mod pages;
pub(crate) mod assets;
