//! Requests per second of one processor, server beside server in turn, and what each request costs in system calls.

use std::{collections::BTreeMap, fmt, process::Command, thread::available_parallelism};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::bed::{Kind, Origin, Server, Setup};

pub(crate) mod profile;

#[derive(Args, Clone, Copy)]
pub(crate) struct Options {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Measurements of each server, in turn with the others.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Load {
    Plain,
    TlsHttp1,
    TlsHttp2,
    Hit,
}

impl Load {
    const ALL: [Self; 4] = [Self::Plain, Self::TlsHttp1, Self::TlsHttp2, Self::Hit];

    fn url(self, server: &Server) -> String {
        match self {
            Self::Plain => format!("http://{}/small", server.plain),
            Self::TlsHttp1 | Self::TlsHttp2 => format!("https://localhost:{}/small", server.secure.port()),
            Self::Hit => format!("http://{}/cached/small", server.plain),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Plain => "pass-through, HTTP/1.1",
            Self::TlsHttp1 => "pass-through, TLS, HTTP/1.1",
            Self::TlsHttp2 => "pass-through, TLS, HTTP/2",
            Self::Hit => "cached, HTTP/1.1",
        })
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
struct Sample {
    per_second: f64,
    /// Requests for each second of the server's processor time: the same as above where that is what bounds it, and
    /// still true where the load generator or the origin does.
    per_cpu_second: f64,
    failed: u64,
}

/// Prints where the time of a request goes.
pub(crate) fn profile(servers: &[Kind], setup: &Setup, options: profile::Options) -> Result<()> {
    let others = others();
    let (_origin, running) = start(servers, setup, &others)?;
    profile::run(&running, &others, options)
}

/// Every server with one worker on the first processor, and their origin on the others.
fn start(servers: &[Kind], setup: &Setup, others: &str) -> Result<(Origin, Vec<Server>)> {
    let setup =
        Setup { workers: 1, processors: Some("0".to_owned()), requests_per_connection: 1_000_000, ..setup.clone() };
    let origin = Origin::start(1, Some(others))?;
    let running = servers.iter().map(|kind| Server::start(*kind, origin.address, &setup)).collect::<Result<_>>()?;
    println!(
        "each server: 1 worker on processor 0; load generator (wrk, h2load) and origin (nginx): {others}; bodies of 1 KiB\n"
    );
    Ok((origin, running))
}

/// Prints the table.
pub(crate) fn run(servers: &[Kind], setup: &Setup, options: Options) -> Result<()> {
    let others = others();
    let (_origin, running) = start(servers, setup, &others)?;
    let mut samples: BTreeMap<(Load, usize), Vec<Sample>> = BTreeMap::new();
    for load in Load::ALL {
        for _ in 0..options.rounds {
            for (at, server) in running.iter().enumerate() {
                samples.entry((load, at)).or_default().push(measure(load, server, &others, options.seconds)?);
            }
        }
    }
    let beside = running[0].kind;
    println!("medians of {} rounds of {} s; in brackets: {beside} = 1\n", options.rounds, options.seconds);
    println!(
        "{:<28} {:<8} {:>18} {:>24} {:>7} {:>7}",
        "load", "server", "requests/s", "requests/s of CPU", "CPU", "failed"
    );
    for load in Load::ALL {
        let first = Medians::of(&samples[&(load, 0)]);
        for (at, server) in running.iter().enumerate() {
            let these = &samples[&(load, at)];
            let medians = Medians::of(these);
            println!(
                "{load:<28} {:<8} {:>10.0} ({:>5.2}) {:>16.0} ({:>5.2}) {:>6.0}% {:>7}",
                server.kind,
                medians.per_second,
                medians.per_second / first.per_second,
                medians.per_cpu_second,
                medians.per_cpu_second / first.per_cpu_second,
                100.0 * medians.per_second / medians.per_cpu_second,
                these.iter().map(|sample| sample.failed).sum::<u64>(),
            );
        }
    }
    Ok(())
}

/// The processors that are not the server's, as taskset(1) takes them.
fn others() -> String {
    match available_parallelism().map_or(1, usize::from) {
        1 => "0".to_owned(),
        2 => "1".to_owned(),
        several => format!("1-{}", several - 1),
    }
}

struct Medians {
    per_second: f64,
    per_cpu_second: f64,
}

impl Medians {
    fn of(samples: &[Sample]) -> Self {
        let median = |value: fn(&Sample) -> f64| {
            let mut values: Vec<_> = samples.iter().map(value).collect();
            values.sort_unstable_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self { per_second: median(|sample| sample.per_second), per_cpu_second: median(|sample| sample.per_cpu_second) }
    }
}

fn measure(load: Load, server: &Server, processors: &str, seconds: u32) -> Result<Sample> {
    let before = server.usage().cpu;
    let url = load.url(server);
    let (requests, failed, took) = match load {
        Load::TlsHttp2 => h2load(processors, &["-c", "8", "-m", "16", "-D", &seconds.to_string(), &url])?,
        _ => wrk(processors, seconds, &url)?,
    };
    let cpu = server.usage().cpu - before;
    Ok(Sample { per_second: requests / took, per_cpu_second: requests / cpu.as_secs_f64(), failed })
}

/// Requests answered, requests failed, and seconds that it took.
fn wrk(processors: &str, seconds: u32, url: &str) -> Result<(f64, u64, f64)> {
    let duration = format!("{seconds}s");
    let text = on(processors, "wrk", &["-t", "1", "-c", "64", "-d", &duration, url])?;
    // "  145231 requests in 5.00s, 172.1MB read", and of failures: "Non-2xx or 3xx responses: 7",
    // "Socket errors: connect 0, read 1, write 0, timeout 0"
    let summary = text.lines().find(|line| line.contains(" requests in ")).context("wrk printed no summary")?;
    let numbers = numbers(summary);
    let failures = text.lines().filter(|line| line.contains("Non-2xx") || line.contains("Socket errors"));
    let failed = failures.flat_map(numbers_after_colon).sum::<f64>() as u64;
    let took = if summary.contains("m,") { numbers[1] * 60.0 } else { numbers[1] };
    Ok((numbers[0], failed, took))
}

/// As [`wrk`].
fn h2load(processors: &str, arguments: &[&str]) -> Result<(f64, u64, f64)> {
    let text = on(processors, "h2load", arguments)?;
    // "finished in 5.00s, 29046.20 req/s, 31.0MB/s" and
    // "requests: 145231 total, 145359 started, 145231 done, 145231 succeeded, 0 failed, 0 errored, 0 timeout"
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).map(numbers);
    let (finished, requests) = (line("finished in"), line("requests:"));
    let (finished, requests) = finished.zip(requests).with_context(|| format!("h2load printed no summary:\n{text}"))?;
    // Where it counted a duration rather than requests, the rate is what it is sure of.
    let took = if finished[0] > 0.0 && text.contains("ms,") { finished[0] / 1000.0 } else { finished[0] };
    Ok((requests[3], (requests[4] + requests[5] + requests[6]) as u64, took))
}

/// Runs a program there and returns what it printed.
fn on(processors: &str, program: &str, arguments: &[&str]) -> Result<String> {
    let run = Command::new("taskset").args(["-c", processors, program]).args(arguments).output();
    let run = run.with_context(|| format!("cannot start {program}"))?;
    if !run.status.success() {
        bail!("{program} {arguments:?} failed: {}", String::from_utf8_lossy(&run.stderr));
    }
    Ok(String::from_utf8_lossy(&run.stdout).into_owned())
}

/// The numbers in a line, in their order.
fn numbers(line: &str) -> Vec<f64> {
    let is_number = |character: char| character.is_ascii_digit() || character == '.';
    line.split(|character| !is_number(character)).filter_map(|word| word.parse().ok()).collect()
}

fn numbers_after_colon(line: &str) -> Vec<f64> {
    line.split_once(':').map(|(_, rest)| numbers(rest)).unwrap_or_default()
}
