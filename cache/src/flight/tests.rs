//! Tests of fills and their followers.
