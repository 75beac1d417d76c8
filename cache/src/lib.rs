//! The edge tier's cache store.
