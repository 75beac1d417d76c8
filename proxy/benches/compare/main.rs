//! The edge beside nginx and HAProxy: what each refuses, what abuse costs it, how slow clients fare, how fast it is, what
//! endpoints that fail do to clients.
//!
//! `deploy/local/compare.sh` installs the others and runs this; `cargo bench -p proxy --bench compare -- --help` says what
//! there is. Prints tables; nothing passes or fails. All of it on loopback.
#![expect(clippy::disallowed_methods, reason = "measures by the clock, and blocks no worker")]

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bed;
mod usage;
mod prober;
mod framing;
mod abuse;
mod slow;
mod throughput;
mod balance;
mod soak;
mod disk;
mod collapse;
mod hits;

use bed::{Kind, Setup};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// The edge's program. Default: the one that was built with this.
    #[arg(long, global = true, default_value = env!("CARGO_BIN_EXE_edge"))]
    edge: PathBuf,
    /// Which servers.
    #[arg(long, global = true, value_enum, value_delimiter = ',', default_value = "edge,nginx,haproxy")]
    servers: Vec<Kind>,
    /// What cargo adds.
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum What {
    /// Requests that can be read in two ways: which are refused, and what the origin sees of them.
    Framing,
    /// HTTP/2 clients that flood, stall, or are very many: what they cost, and how others fare.
    Abuse(abuse::Options),
    /// Clients that send or read slowly: how others fare, and when the slow ones are closed.
    Slow(slow::Options),
    /// Requests per second of one processor, and per second of processor time.
    Throughput(throughput::Options),
    /// System calls of each request, and the functions that take most.
    Profile(throughput::profile::Options),
    /// Endpoints that are slow, fail, hang or go away: what they still get, and what clients see.
    Balance(balance::Options),
    /// Reloads and upgrades of the edge under load: what fails, and what is left behind.
    Soak(soak::Options),
    /// A cache on a disk: kills, upgrades and faults of the disk under load and purges, and what clients then get.
    Disk(disk::Options),
    /// Very many clients that ask at once for one object that is not stored yet.
    Collapse(collapse::Options),
    /// Cached hits of one processor beside nginx, HAProxy and Varnish, by size and protocol.
    Hits(hits::Options),
}

fn main() -> Result<()> {
    let Arguments { what, edge, servers, .. } = Arguments::parse();
    let setup = Setup { edge, workers: 1, requests_per_connection: 1000, processors: None };
    match what {
        What::Framing => framing::run(&servers, &setup),
        What::Abuse(options) => abuse::run(&servers, &setup, options),
        What::Slow(options) => slow::run(&servers, &setup, options),
        What::Throughput(options) => throughput::run(&servers, &setup, options),
        What::Profile(options) => throughput::profile(&servers, &setup, options),
        What::Balance(options) => balance::run(&servers, &setup, options),
        What::Soak(options) => soak::run(&setup, options),
        What::Disk(options) => disk::run(&setup, options),
        What::Hits(options) => hits::run(&setup, &options),
        What::Collapse(options) => collapse::run(&servers, &setup, options),
    }
}
