//! The shop behind the edge: a compact B2C shop with the whole business in it.
//!
//! `node` puts the subsystems together; each of them shows the others its `api` and nothing else. `web` is the contract
//! with the edge and with browsers, `backing` what the data lives in, `storefront` the pages that show several
//! subsystems at once. `simulator` plays the payment provider, `audit` proves the business invariants from outside.

mod cli;
mod node;
mod clock;
mod money;
mod serving;
mod outbound;
mod web;
mod storefront;
mod product;
mod shopping;
mod payment;
mod membership;
mod backing;
mod audit;
mod simulator;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
