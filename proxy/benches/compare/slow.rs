//! Clients that take all the time in the world, by slowhttptest(1): how long others wait, and how long the slow ones stay.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    bed::{Kind, Origin, Server, Setup},
    prober::Prober,
};

/// How long the other clients are watched before.
const BEFORE: Duration = Duration::from_secs(5);

#[derive(Args, Clone, Copy)]
pub(crate) struct Options {
    /// Seconds that the slow clients stay at most.
    #[arg(long, default_value_t = 70)]
    seconds: u32,
    /// How many there are.
    #[arg(long, default_value_t = 600)]
    connections: u32,
}

/// What is slow: its name, the path asked for, and how slowhttptest does it.
const MODES: [(&str, &str, &[&str]); 3] = [
    ("header: a line each 10 s", "/small", &["-H", "-i", "10", "-x", "24"]),
    ("body: 24 bytes each 10 s", "/upload", &["-B", "-i", "10", "-x", "24", "-s", "8192"]),
    ("reads 32 bytes each 5 s of 1 MiB", "/large", &["-X", "-n", "5", "-z", "32", "-w", "512", "-y", "1024"]),
];

/// Prints the table.
pub(crate) fn run(servers: &[Kind], setup: &Setup, options: Options) -> Result<()> {
    let origin = Origin::start(1, None)?;
    println!("{} slow clients, 200 more each second, watched for {} s\n", options.connections, options.seconds);
    println!("{:<34} {:<8} {:<20} {:<28} the slow ones", "slow", "server", "others, p50/p99", "others meanwhile");
    for (name, path, arguments) in MODES {
        for kind in servers {
            let server = Server::start(*kind, origin.address, setup)?;
            let before = Prober::run(server.plain, BEFORE);
            let prober = Prober::start(server.plain);
            let fate = attack(&format!("http://{}{path}", server.plain), arguments, options)?;
            let during = prober.stop();
            println!("{name:<34} {kind:<8} {:<20} {:<28} {fate}", before.text(), during.text());
        }
    }
    Ok(())
}

/// Runs slowhttptest and says what became of its connections.
fn attack(url: &str, mode: &[&str], options: Options) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let prefix = folder.path().join("slow");
    let (connections, seconds) = (options.connections.to_string(), options.seconds.to_string());
    Command::new("slowhttptest")
        .args(mode)
        .args(["-c", &connections, "-l", &seconds, "-r", "200", "-u", url, "-v", "0", "-g", "-o"])
        .arg(&prefix)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("cannot start slowhttptest")?;
    // Each second: seconds, closed, pending, connected, service available.
    let text = fs::read_to_string(prefix.with_extension("csv")).context("slowhttptest wrote no table")?;
    let rows: Vec<Vec<u32>> = text
        .lines()
        .map(|line| line.split(',').filter_map(|cell| cell.trim().parse().ok()).collect())
        .filter(|row: &Vec<u32>| row.len() >= 4)
        .collect();
    let most = rows.iter().map(|row| row[3]).max().unwrap_or_default();
    let first = rows.iter().find(|row| row[1] > 0);
    let first = first.map_or("none closed".to_owned(), |row| format!("first closed at {} s", row[0]));
    let last = rows.last().context("slowhttptest wrote an empty table")?;
    // It leaves early when it has no connection left.
    let end = if last[0] + 1 < options.seconds {
        format!("all closed at {} s", last[0] + 1)
    } else {
        format!("{} still there at {} s", last[3] + last[2], last[0])
    };
    Ok(format!("{most} at once, {first}, {end}"))
}
