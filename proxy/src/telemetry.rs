//! What is remembered of requests: counters and log lines.

pub(crate) mod metric;
pub(crate) mod access;
