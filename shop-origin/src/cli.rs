//! From the command line to an exit code: 0 done, 1 failed or violated, 2 misused.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::outbound::Base;
use crate::{audit, node, simulator};

/// A compact B2C shop behind an edge.
#[derive(Parser)]
#[command(version, about, after_help = "What is logged is set by RUST_LOG, such as RUST_LOG=debug [default: info]")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the shop. Several processes may share one state folder
    Serve(Serve),
    /// Fills an empty state folder with a catalogue, stock and a demo account
    Seed(Seed),
    /// Plays the outside payment provider: its API, its payment page, its signed webhooks
    PaySimulator(PaySimulator),
    /// Checks the business invariants of a shop, live or stopped; exits 1 when one is violated
    Audit(Audit),
}

#[derive(Args)]
pub(crate) struct Serve {
    /// Folder of the database, the pictures and the key `pay.key` that is shared with the payment provider
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// Address to listen at; with port 0 the system chooses one, which is printed
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Where browsers find the shop when no edge says so. Cookies are for TLS alone when it is https [default: the
    /// address listened at]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<Base>,
    /// Where the payment provider is found, by the shop and by browsers
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9190")]
    pub(crate) payment_provider: Base,
}

#[derive(Args)]
pub(crate) struct Seed {
    /// Folder to fill; created if need be
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// SKUs in the catalogue
    #[arg(long, value_name = "SKUS", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=5_000_000))]
    pub(crate) scale: u32,
    /// The same seed makes the same catalogue
    #[arg(long, value_name = "N", default_value_t = 11)]
    pub(crate) seed: u64,
}

#[derive(Args)]
pub(crate) struct PaySimulator {
    /// Address to listen at; with port 0 the system chooses one, which is printed
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: SocketAddr,
    /// Where to tell of payments; with several, each attempt goes to the next one
    #[arg(long, value_name = "URL", required = true)]
    pub(crate) webhook: Vec<String>,
    /// The key shared with the shop, which is `pay.key` in its state folder; created if need be
    #[arg(long, value_name = "FILE", default_value = "state/shop/pay.key")]
    pub(crate) secret_file: PathBuf,
}

#[derive(Args)]
pub(crate) struct Audit {
    /// The shop's state folder
    #[arg(long, value_name = "DIR")]
    pub(crate) state: PathBuf,
    /// What clients were answered: a line of JSON `{"order": "...", "idempotency_key": "..."}` for each 2xx
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
}

/// Runs what the command line asks for.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("shop-origin: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, anyhow::Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads of the program")?;
    runtime.block_on(async {
        match command {
            Command::Serve(options) => node::serve(options).await.map(|()| ExitCode::SUCCESS),
            Command::Seed(options) => node::seed(options).await.map(|()| ExitCode::SUCCESS),
            Command::PaySimulator(options) => simulator::run(options).await.map(|()| ExitCode::SUCCESS),
            Command::Audit(options) => audit::run(&options),
        }
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
