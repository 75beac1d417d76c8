//! argv -> exit code: 0 done, 1 refused or failed, 2 not understood.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use anyhow::{Result, anyhow};
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::{
    clock,
    control::{boot, compile, dev_certificate},
};

/// What is logged about the process itself; requests have a log of their own. Pingora's core and proxy say at `error`
/// what a request's line says already, or what any client can provoke.
const LOG_FILTER: &str = "info,pingora_core=off,pingora_proxy=off,pingora_pool=off,pingora_cache=error";

/// Reverse proxy, load balancer and cache for peak-sale days.
#[derive(Parser)]
#[command(name = "edge", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve with a configuration until told to stop. SIGHUP reloads it, SIGTERM ends gracefully.
    Run {
        /// The YAML file.
        file: PathBuf,
    },
    /// Say everything that is wrong with a configuration, the certificates it names included.
    Check {
        /// The YAML file.
        file: PathBuf,
    },
    /// Make a certificate for trying things out, signed by a local authority; keeps one that is still good.
    DevCertificate {
        /// Folder for ca.pem, ca.key, localhost.pem and localhost.key.
        #[arg(long)]
        out: PathBuf,
        /// Names and addresses that it is for.
        #[arg(long = "name", default_values_t = ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()])]
        names: Vec<String>,
    },
}

/// Runs the command that the arguments name.
pub(crate) fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Run { file } => {
            log_to_stderr();
            boot::run(&file)
        }
        Command::Check { file } => check(&file),
        Command::DevCertificate { out, names } => dev_certificate::create(&out, &names, clock::wall()).map(|written| {
            let done = if written { "wrote" } else { "kept" };
            println!("{done} {} (authority: {})", out.join("localhost.pem").display(), out.join("ca.pem").display());
        }),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn check(file: &std::path::Path) -> Result<()> {
    let config = config::load(file).map_err(|problems| anyhow!("{problems}"))?;
    compile::certificates(&config.live, &config.boot.listeners)?;
    let (routes, pools) = (config.live.routes.len(), config.live.pools.len());
    println!("{}: good: {} listeners, {routes} routes, {pools} pools", file.display(), config.boot.listeners.len());
    Ok(())
}

fn log_to_stderr() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(LOG_FILTER))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
