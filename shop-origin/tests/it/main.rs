//! The shop from outside: its own processes, its own sockets, one world per test.

#![expect(clippy::unwrap_used, reason = "a world that cannot be built fails its test")]

mod world;
mod visitor;
mod browse;
mod purchase;
mod bad_input;
mod processes;
