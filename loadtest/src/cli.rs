//! The command line: what may be said, and what it means.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::arrival::Process;
use crate::driver::Protocol;
use crate::quantity::Span;

mod run;

/// An open-loop load generator for web shops.
#[derive(Debug, Parser)]
#[command(name = "loadtest", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(RunArgs),
}

/// Put a scenario's load on a target, report what its visitors would have felt, and judge it.
///
/// The load is open: visitors arrive when the arrival process says so, whether or not earlier ones were answered, as the
/// public does. Response times count from the moment a request was due, so that a stall of the target is felt by
/// everybody who would have come meanwhile. Within a session of several steps a visitor waits for each answer.
///
/// Three times are kept for each interaction: late (sent - due: the generator's own delay, of requests that follow an
/// arrival or a time to think), service (done - sent) and response (done - due: what a visitor feels). Objectives are held against the response time.
#[derive(Debug, Args)]
#[command(after_long_help = AFTER_HELP, verbatim_doc_comment)]
struct RunArgs {
    /// Base address of the system under test: https://HOST:PORT or http://HOST:PORT
    #[arg(long, value_name = "URL")]
    target: String,

    /// What visitors do: the name of a scenario that the program carries (smoke), or a file that ends in .yaml
    #[arg(long, value_name = "NAME|FILE")]
    scenario: String,

    /// Arrivals per second: each begins a session of one request or more; at most 100000
    #[arg(long, value_name = "N", value_parser = parse_rate)]
    rate: f64,

    /// How long visitors arrive, as in 20s, 5m; at most 1h, and at most 5000000 arrivals in all
    #[arg(long, value_name = "TIME")]
    duration: Span,

    /// Authority to trust, as PEM [default: state/tls/ca.pem where that exists]
    ///
    /// For a target with a public certificate: /etc/ssl/certs/ca-certificates.crt. There is no way to switch
    /// verification off.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Version of HTTP: 1, 2, or auto for what TLS agrees on (without TLS: 1)
    #[arg(long, value_name = "1|2|auto", default_value = "auto")]
    http: Http,

    /// Connections at most [default: 256 with HTTP/1.1, 8 with HTTP/2]
    ///
    /// This also bounds the requests under way: one per connection with HTTP/1.1, 100 with HTTP/2. A request that is due
    /// above that is not sent late but counted as failed ("not sent").
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    connections: Option<u16>,

    /// Equal seeds give equal arrivals, visitors and values
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How arrivals are spread over time
    #[arg(long, default_value = "constant")]
    arrival: Process,

    /// Also write the report to this file, as JSON; times are in milliseconds
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write a line of JSON to this file for every order that the target confirmed; what the file held is lost
    ///
    /// For the shop: shop-origin audit --journal FILE
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Allow a target that is not this machine; its owner must have agreed
    #[arg(long)]
    allow_remote: bool,
}

const AFTER_HELP: &str = "\
Exit status:
  0  every objective of the scenario was met
  1  an objective was missed
  2  void: the run says nothing about the target. No request was due, or the run was interrupted, or the generator was
     the limit: that is when p99 of late is over 1 ms and over 5 % of p99 of response, when less than 99.5 % of the
     planned requests left, or when it used more than 60 % of its core (processor time of its one worker thread)
  3  the run did not start, or its files could not be written

Ctrl-C ends a run early, with a report of what was measured and the verdict void; a second one ends at once.

Examples:
  loadtest run --target https://localhost:8443 --scenario smoke --rate 200 --duration 20s
  loadtest run --target https://localhost:8443 --scenario smoke --rate 50 --duration 1m --arrival poisson \\
      --http 1 --json report.json --journal orders.jsonl";

/// Which version of HTTP is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Http {
    Auto,
    Only(Protocol),
}

impl ValueEnum for Http {
    fn value_variants<'a>() -> &'a [Http] {
        &[Http::Only(Protocol::Http1), Http::Only(Protocol::Http2), Http::Auto]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(match self {
            Http::Auto => "auto",
            Http::Only(Protocol::Http1) => "1",
            Http::Only(Protocol::Http2) => "2",
        }))
    }
}

const RATE_MAX: f64 = 100_000.0;
const DURATION_MAX: Duration = Duration::from_secs(3600);
const ARRIVALS_MAX: f64 = 5_000_000.0;

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= RATE_MAX => Ok(rate),
        _ => Err(format!("a rate is a number above 0 and up to {RATE_MAX} per second")),
    }
}

/// The bounds that no single argument can keep.
fn check_volume(rate: f64, duration: Duration) -> anyhow::Result<()> {
    let arrivals = rate * duration.as_secs_f64();
    anyhow::ensure!(duration <= DURATION_MAX, "duration {} is over {}", Span(duration), Span(DURATION_MAX));
    anyhow::ensure!(
        arrivals <= ARRIVALS_MAX,
        "rate {rate}/s for {} makes {arrivals} arrivals, more than {ARRIVALS_MAX}",
        Span(duration)
    );
    anyhow::ensure!(arrivals >= 1.0, "rate {rate}/s for {} makes no arrival", Span(duration));
    Ok(())
}

/// The run did not start: neither met nor missed nor void.
const NOT_RUN: u8 = 3;

/// From the command line to the exit status.
pub(crate) fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed standard output leaves nobody to tell.
            error.print().ok();
            return if error.use_stderr() { ExitCode::from(NOT_RUN) } else { ExitCode::SUCCESS };
        }
    };
    let Command::Run(arguments) = cli.command;
    match run::run(arguments) {
        Ok(verdict) => ExitCode::from(verdict.exit_code()),
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::from(NOT_RUN)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn load_is_bounded() {
        assert!(check_volume(200.0, Duration::from_secs(20)).is_ok());
        assert!(check_volume(100_000.0, Duration::from_secs(50)).is_ok());
        assert!(check_volume(100_000.0, Duration::from_secs(51)).is_err());
        assert!(check_volume(1.0, Duration::from_secs(3601)).is_err());
        assert!(check_volume(1.0, Duration::from_millis(500)).is_err());
        for text in ["0", "-1", "100001", "NaN", "inf", "x"] {
            assert!(parse_rate(text).is_err(), "{text}");
        }
    }
}
