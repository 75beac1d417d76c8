//! `edge`: reverse proxy, load balancer and cache for peak-sale days.

use std::process::ExitCode;

mod clock;
mod cli;
mod control;
mod snapshot;
mod edge;
mod listen;
mod request;
mod telemetry;

fn main() -> ExitCode {
    cli::main()
}
