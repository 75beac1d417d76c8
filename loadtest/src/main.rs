//! `loadtest`: an open-loop load generator. Arrivals are due when a seeded process says so; the driver sends them then,
//! whatever became of the earlier ones; what was measured is judged and reported, or declared void.

mod cli;
mod target;
mod scenario;
mod arrival;
mod driver;
mod measure;
mod verdict;
mod report;
mod quantity;
mod clock;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main(std::env::args_os())
}
