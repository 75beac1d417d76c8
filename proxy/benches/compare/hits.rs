//! Cached hits of one processor beside nginx, HAProxy and Varnish: requests per second, and how late answers are at half and
//! at four fifths of what each one bears.

use std::{collections::BTreeMap, path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer, pki_types::pem::PemObject};

use crate::bed::Setup;

mod generator;
mod origin;
mod requests;
mod servers;

use generator::{Generator, Outcome, Pace};
use requests::Requests;
use servers::{Cache, Server};

/// The server's processor, and the generator's.
const SERVER: &str = "0";
const GENERATOR: &str = "1";
/// Connections of the generator.
const CONNECTIONS: usize = 64;

#[derive(Args, Clone)]
pub(crate) struct Options {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Measurements of each server, in turn with the others.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Which caches.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "edge,nginx,haproxy,varnish")]
    caches: Vec<Cache>,
    /// How they are asked.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "http1,http1-tls,http2-tls")]
    over: Vec<Over>,
    /// Bytes of each object.
    #[arg(long, value_delimiter = ',', default_value = "1024,16384,102400,1048576")]
    sizes: Vec<usize>,
    /// Leave the open loop out.
    #[arg(long)]
    throughput_only: bool,
}

/// How a cache is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Over {
    Http1,
    Http1Tls,
    Http2Tls,
}

impl Over {
    fn name(self) -> &'static str {
        match self {
            Self::Http1 => "h1",
            Self::Http1Tls => "h1+TLS",
            Self::Http2Tls => "h2+TLS",
        }
    }
}

/// Objects of a size: fewer of the large ones, so that each cache holds all of them in less than 256 MiB.
fn objects(length: usize) -> usize {
    match length {
        0..=16_384 => 10_000,
        16_385..=102_400 => 2_000,
        _ => 200,
    }
}

/// One measurement in closed loop.
#[derive(Clone, Copy, Debug)]
struct Sample {
    per_second: f64,
    /// For each second of the server's processor time: the same where that is what bounds it, and still true where it is the
    /// generator.
    per_cpu_second: f64,
    failed: u64,
}

/// Prints the tables.
pub(crate) fn run(setup: &Setup, options: &Options) -> Result<()> {
    // The generator's own thread, this one, and all that it starts but the servers.
    let placed = Command::new("taskset").args(["-p", "-c", GENERATOR, &std::process::id().to_string()]).output()?;
    if !placed.status.success() {
        bail!("taskset: {}", String::from_utf8_lossy(&placed.stderr));
    }
    Command::new("renice").args(["-n", "-15", "-p", &std::process::id().to_string()]).output().ok();
    let origin = origin::start()?;
    println!(
        "each cache: processor {SERVER}, with all that its access log needs; generator: processor {GENERATOR}, {CONNECTIONS} \
         connections\nobjects by Zipf 1.0; 700 bytes of request header, mixed Accept-Encoding, 5 % conditional (h2: none)\n"
    );
    let mut versions = Vec::new();
    for &length in &options.sizes {
        let count = objects(length);
        let requests = Requests::draw(count, length);
        let servers = options.caches.iter().map(|cache| {
            let server = Server::start(*cache, &setup.edge, origin, SERVER)?;
            versions.push(server.version(&setup.edge)?);
            Generator::connect(&requests, server.plain, None, 1)?.fill(count)?;
            Ok(server)
        });
        let servers: Vec<Server> = servers.collect::<Result<_>>()?;
        for &over in &options.over {
            measure(over, &requests, &servers, options)?;
        }
    }
    versions.sort_unstable();
    versions.dedup();
    println!("{}", versions.join("\n"));
    Ok(())
}

/// One way and size: every server in turn, several times.
fn measure(over: Over, requests: &Requests, servers: &[Server], options: &Options) -> Result<()> {
    let length = Duration::from_secs(options.seconds);
    let mut samples: BTreeMap<Cache, Vec<Sample>> = BTreeMap::new();
    let mut knees = BTreeMap::new();
    for _ in 0..options.rounds {
        for server in servers {
            let before = server.cpu();
            let outcome = ask(over, requests, server, Pace::Closed, length)?;
            let cpu = (server.cpu() - before).as_secs_f64();
            let per_cpu_second = outcome.answers as f64 / cpu;
            let sample = Sample { per_second: outcome.per_second(), per_cpu_second, failed: outcome.failed };
            samples.entry(server.cache).or_default().push(sample);
        }
    }
    for (cache, samples) in &samples {
        knees.insert(*cache, median(samples.iter().map(|sample| sample.per_second)));
    }
    let mut late: BTreeMap<(Cache, u32), Vec<f64>> = BTreeMap::new();
    for _ in 0..if options.throughput_only { 0 } else { options.rounds } {
        for server in servers {
            for share in [50, 80] {
                let rate = knees[&server.cache] * f64::from(share) / 100.0;
                let mut outcome = ask(over, requests, server, Pace::Open(rate), length)?;
                late.entry((server.cache, share)).or_default().push(f64::from(outcome.quantile_us(0.99)));
            }
        }
    }
    print_table(over, requests.length, &samples, &late);
    Ok(())
}

fn print_table(
    over: Over,
    length: usize,
    samples: &BTreeMap<Cache, Vec<Sample>>,
    late: &BTreeMap<(Cache, u32), Vec<f64>>,
) {
    println!(
        "{:<8}{:>9} {:<8}{:>11}{:>8}{:>14}{:>8}{:>12}{:>12}{:>8}",
        "over", "bytes", "cache", "req/s", "ratio", "req/CPU-s", "ratio", "p99 at 50%", "p99 at 80%", "failed"
    );
    let rate = |cache: &Cache| median(samples[cache].iter().map(|sample| sample.per_second));
    let per_cpu = |cache: &Cache| median(samples[cache].iter().map(|sample| sample.per_cpu_second));
    // Beside the best of the others.
    let others = || samples.keys().filter(|cache| **cache != Cache::Edge);
    let best = others().map(rate).fold(0.0, f64::max);
    let best_per_cpu = others().map(per_cpu).fold(0.0, f64::max);
    for (cache, these) in samples {
        let p99 = |share| late.get(&(*cache, share)).map_or(f64::NAN, |these| median(these.iter().copied()));
        println!(
            "{:<8}{length:>9} {cache:<8}{:>11.0}{:>8.2}{:>14.0}{:>8.2}{:>9.0} us{:>9.0} us{:>8}",
            over.name(),
            rate(cache),
            rate(cache) / best,
            per_cpu(cache),
            per_cpu(cache) / best_per_cpu,
            p99(50),
            p99(80),
            these.iter().map(|sample| sample.failed).sum::<u64>(),
        );
    }
    println!();
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn ask(over: Over, requests: &Requests, server: &Server, pace: Pace, length: Duration) -> Result<Outcome> {
    match over {
        Over::Http1 => Generator::connect(requests, server.plain, None, CONNECTIONS)?.run(pace, length),
        Over::Http1Tls => {
            let tls = tls(server.folder.path())?;
            Generator::connect(requests, server.secure, Some(&tls), CONNECTIONS)?.run(pace, length)
        }
        Over::Http2Tls => h2load(requests, server, pace, length),
    }
}

/// TLS 1.3 with AES-128-GCM, so that all do the same work.
fn tls(folder: &Path) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("tls/ca.pem")).context("no authority")?)?;
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// HTTP/2 by h2load: 16 connections with 8 requests at a time on each.
fn h2load(requests: &Requests, server: &Server, pace: Pace, length: Duration) -> Result<Outcome> {
    let list = server.folder.path().join("targets");
    let authority = format!("https://localhost:{}", server.secure.port());
    let targets: Vec<_> = requests.targets(50_000).map(|target| format!("{authority}{target}\n")).collect();
    std::fs::write(&list, targets.concat())?;
    let log = server.folder.path().join("h2load.log");
    std::fs::remove_file(&log).ok();
    let connections = 16;
    let mut command = Command::new("h2load");
    command.args(["-c", &connections.to_string(), "-m", "8", "-D", &length.as_secs().to_string(), "-i"]).arg(&list);
    command.args(["--tls13-ciphers=TLS_AES_128_GCM_SHA256", "--log-file"]).arg(&log);
    for field in HEADER {
        command.args(["-H", field]);
    }
    if let Pace::Open(rate) = pace {
        command.args(["--rps", &(rate / f64::from(connections)).to_string()]);
    }
    let ran = command.output().context("cannot start h2load")?;
    if !ran.status.success() {
        bail!("h2load failed: {}", String::from_utf8_lossy(&ran.stderr));
    }
    let text = std::fs::read_to_string(&log)?;
    let mut outcome = Outcome { seconds: length.as_secs_f64(), ..Outcome::default() };
    for line in text.lines() {
        let mut words = line.split('\t').skip(1);
        let (Some(status), Some(took)) = (words.next(), words.next()) else { continue };
        outcome.answers += 1;
        outcome.failed += u64::from(status != "200");
        outcome.latencies_us.push(took.parse().unwrap_or(u32::MAX));
    }
    Ok(outcome)
}

/// As [`requests`] has it for HTTP/1.
const HEADER: [&str; 9] = [
    "user-agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "sec-ch-ua: \"Google Chrome\";v=\"131\", \"Chromium\";v=\"131\", \"Not_A Brand\";v=\"24\"",
    "accept: image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
    "sec-fetch-site: same-origin",
    "sec-fetch-mode: no-cors",
    "referer: https://localhost/category/shoes?page=2",
    "accept-language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7",
    "cookie: _ga=GA1.1.1234567890.1700000000; consent=all; sid=4f1c2a7b9d3e",
    "accept-encoding: gzip, deflate, br, zstd",
];
