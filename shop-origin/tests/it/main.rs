//! The shop from outside: its own processes, its own sockets, one world per test.

mod world;
mod visitor;
mod browse;
mod purchase;
mod bad_input;
mod processes;
