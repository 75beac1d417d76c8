//! Integration tests: the program itself against servers with known behaviour.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it should be")]

mod program;
mod server;
mod known_answers;
mod failures;
mod transport;
mod smoke;
mod refusals;
