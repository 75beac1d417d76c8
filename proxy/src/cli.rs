//! argv -> exit code: 0 done, 1 refused or failed, 2 not understood. `diff` counts as diff(1) does.

use std::{io::IsTerminal, net::IpAddr, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use tracing_subscriber::EnvFilter;

use crate::{
    clock,
    control::{
        boot::{self, Start},
        certs::new_ticket_key,
        dev_certificate,
        explain::Asked,
        pools::{Order, State},
    },
};

mod check;
mod diff;
mod explain;
mod running;
mod pools;
mod cache;
mod warm;

use cache::{Look, Purging};
use running::Access;
use warm::Warming;

/// What is logged about the process itself; requests have a log of their own. Pingora's core and proxy say at `error`,
/// and rustls and h2 at `warn`, what a request's line says already, or what any client can provoke.
const LOG_FILTER: &str =
    "info,pingora_core=off,pingora_proxy=off,pingora_pool=off,pingora_cache=error,rustls=error,h2=error";

/// Reverse proxy, load balancer and cache for peak-sale days.
#[derive(Parser)]
#[command(name = "edge", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve with a configuration until told to stop. SIGHUP reloads it, SIGTERM ends gracefully, SIGQUIT starts the
    /// program anew and hands over to it.
    Run {
        /// The YAML file.
        file: PathBuf,
        /// File that holds the id of the process that serves; a hand-over changes it.
        #[arg(long, value_name = "PATH")]
        pid_file: Option<PathBuf>,
        /// Take over from the process that started this one.
        #[arg(long, hide = true)]
        take_over: bool,
        /// Send fresh stored answers the whole way as well, to compare.
        #[arg(long, hide = true)]
        without_short_way: bool,
    },
    /// Say everything that is wrong with a configuration, the certificates and secrets that it names included.
    Check {
        /// The YAML file.
        #[arg(required_unless_present = "explain")]
        file: Option<PathBuf>,
        /// How to say it: for people, or as a JSON array with one object a problem, empty where nothing is wrong. At most
        /// 100 are listed; where there are more, the last object has no `code`, and their number in `omitted`.
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
        /// Print the whole configuration with every default, and where each value comes from.
        #[arg(long, conflicts_with = "format")]
        effective: bool,
        /// A day such as 2026-11-27 on which everything must still hold: a certificate that expires before its end is a
        /// problem.
        #[arg(long, value_name = "DATE")]
        event: Option<Date>,
        /// Explain a code of a problem, such as E0103.
        #[arg(long, value_name = "CODE", exclusive = true)]
        explain: Option<String>,
    },
    /// Say what would happen to one request, and why, without sending it: its route and which others nearly matched, what
    /// the cache does, where it goes and what the origin gets to see.
    Explain {
        /// The YAML file.
        file: PathBuf,
        /// Such as `https://shop.example.com/product/7?page=2`
        url: String,
        /// Method.
        #[arg(short = 'X', long, default_value = "GET")]
        method: String,
        /// A header line such as 'accept: text/html'; may be repeated.
        #[arg(short = 'H', long = "header", value_name = "LINE")]
        headers: Vec<String>,
        /// Address of the client, or of the proxy before the edge.
        #[arg(long, default_value = "127.0.0.1")]
        client: IpAddr,
        /// The listener that it comes to. Default: the one with the port of the URL.
        #[arg(long, value_name = "NAME")]
        listener: Option<String>,
        /// Ask the edge that runs at the `admin` address of the file: with tokens left, requests in flight, health and
        /// what is stored. `--admin` and `--token` ask so too.
        #[arg(long)]
        live: bool,
        #[command(flatten)]
        access: Access,
        /// For people, or for programs.
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Say what a reload from one configuration to another would change, and what each change costs: a restart, stored
    /// answers, counters, or nothing. Exit code 0: they mean the same; 1: they do not; 2: one of them is not valid.
    Diff {
        /// The YAML file that is live.
        old: PathBuf,
        /// The YAML file that would be.
        new: PathBuf,
        /// For people, or as a JSON array of differences.
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Print the reference of the configuration language: every key and every code of a problem, in Markdown.
    Reference,
    /// Print the JSON Schema of a configuration, for editors and other programs.
    ///
    /// Editors with the YAML language server complete and check a file that begins with
    ///
    /// # yaml-language-server: $schema=edge.schema.json
    ///
    /// after `edge schema > edge.schema.json`.
    #[command(verbatim_doc_comment)]
    Schema {
        /// Of a file that another one includes.
        #[arg(long)]
        included: bool,
    },
    /// Send a file to the edge that runs at its `admin` address; it goes live there, or is refused with all problems.
    /// Files that it includes are those beside the file that the edge was started with.
    Reload {
        /// The YAML file.
        file: PathBuf,
        #[command(flatten)]
        access: Access,
    },
    /// List what was live in the edge that runs at the `admin` address of a file, the latest first.
    History {
        /// The YAML file, for the address and the token of the edge; it may be half edited otherwise.
        #[arg(required_unless_present_all = ["admin", "token"])]
        file: Option<PathBuf>,
        #[command(flatten)]
        access: Access,
        /// For people, or as it comes from the edge.
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Bring back what was live before in the edge that runs at the `admin` address of a file.
    Rollback {
        /// The YAML file, for the address and the token of the edge; it may be half edited otherwise, and is not changed.
        #[arg(required_unless_present_all = ["admin", "token"])]
        file: Option<PathBuf>,
        #[command(flatten)]
        access: Access,
        /// Hash of the configuration to go back to, out of `edge history`. Default: the last that differs.
        #[arg(long, value_name = "HASH")]
        to: Option<String>,
    },
    /// Show the pools of the edge that runs at the `admin` address of a file: the state of each endpoint and why, its load,
    /// and what was set by hand and by whom.
    Pools {
        /// The YAML file, for the address and the token of the edge; it may be half edited otherwise.
        #[arg(required_unless_present_all = ["admin", "token"])]
        file: Option<PathBuf>,
        /// This pool alone.
        #[arg(long, value_name = "NAME")]
        pool: Option<String>,
        #[command(flatten)]
        access: Access,
        /// For people, or for programs.
        #[arg(long, value_enum, default_value_t = Format::Human)]
        format: Format,
    },
    /// Set the state of an endpoint by hand, in the edge that runs at the `admin` address of a file. It lasts until it is
    /// changed or its time is over; a reload keeps it, a restart or hand-over does not: the log says then which are lost.
    Endpoint {
        /// The YAML file, for the address and the token of the edge; it may be half edited otherwise. With both --admin
        /// and --token it is not read, and `-` will do.
        file: PathBuf,
        /// Name of the pool.
        pool: String,
        /// Address of the endpoint, or the name that the configuration has for it: all addresses behind that then.
        address: String,
        /// `drain`: it gets nothing new, only clients that are kept at it. `down`: it gets nothing. `up`: it serves,
        /// whatever checks and errors say. `auto`: as without all this.
        state: State,
        /// For so long, such as `10m`, up to `7d`. Default: until it is changed.
        #[arg(long = "for", value_name = "TIME")]
        duration: Option<String>,
        /// Who wants it. Default: login name and host.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        #[command(flatten)]
        access: Access,
    },
    /// Purge what is stored in the edge that runs at the `admin` address of a file. Whatever any of the flags means is
    /// meant; they may be repeated. From the answer on, nothing of it is served as it was; nor after a restart.
    Purge(Purging),
    /// Look at what is stored in the edge that runs at the `admin` address of a file.
    Cache {
        #[command(subcommand)]
        look: Look,
    },
    /// Ask an edge for each URL of a list, so that its cache holds them before clients come. Exit code 1: some could not be
    /// had.
    Warm(Warming),
    /// Make a new key of session tickets, which edges share by `tls.tickets.keys`, and remove the oldest. Once a day, and
    /// the folder copied to every edge within five minutes, is a good habit.
    TicketKey {
        /// Folder of the keys.
        folder: PathBuf,
        /// How many to leave. A ticket is good for 12 hours, and no longer than its key stays.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=64))]
        keep: u8,
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

/// For whom something is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// People.
    Human,
    /// Programs.
    Json,
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    run(Arguments::parse().command).unwrap_or_else(|error| {
        anstream::eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run { file, pid_file, take_over, without_short_way } => {
            log_to_stderr();
            boot::run(&Start { file, pid_file, take_over, hot: !without_short_way })?;
        }
        Command::Check { explain: Some(code), .. } => check::explain(&code)?,
        Command::Check { file, format, effective, event, .. } => {
            let file = file.unwrap_or_default();
            return if effective { check::effective(&file, event) } else { check::check(&file, format, event) };
        }
        Command::Explain { file, url, method, headers, client, listener, live, access, format } => {
            let asked = Asked { method, url, headers, client, listener };
            if live || access.is_given() {
                running::explain(&file, &access, &asked, format)?;
            } else {
                explain::explain(&file, asked, format)?;
            }
        }
        Command::Diff { old, new, format } => return diff::diff(&old, &new, format),
        Command::Reference => print!("{}", config::reference()),
        Command::Schema { included } => {
            let schema = if included { config::json_schema_of_included() } else { config::json_schema() };
            println!("{schema:#}");
        }
        Command::Reload { file, access } => running::reload(&file, &access)?,
        Command::History { file, access, format } => running::history(file.as_deref(), &access, format)?,
        Command::Rollback { file, access, to } => running::roll_back(file.as_deref(), &access, to.as_deref())?,
        Command::Pools { file, pool, access, format } => {
            running::pools(file.as_deref(), &access, pool.as_deref(), format)?;
        }
        Command::Endpoint { file, pool, address, state, duration, by, why, access } => {
            let order = Order { state, duration, by: by.unwrap_or_else(running::login), why };
            running::endpoint(&file, &access, &pool, &address, &order)?;
        }
        Command::Purge(purging) => running::purge(&purging)?,
        Command::Cache { look } => running::cache(&look)?,
        Command::Warm(warming) => warm::warm(&warming)?,
        Command::TicketKey { folder, keep } => {
            println!("wrote {}", new_ticket_key::make(&folder, keep.into(), clock::wall())?.display());
        }
        Command::DevCertificate { out, names } => {
            let written = dev_certificate::create(&out, &names, clock::wall())?;
            let done = if written { "wrote" } else { "kept" };
            println!("{done} {} (authority: {})", out.join("localhost.pem").display(), out.join("ca.pem").display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn log_to_stderr() {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(LOG_FILTER))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
