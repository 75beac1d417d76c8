//! HTTP/2 clients that mean harm: what they cost the server, how it ends them, and how long others wait meanwhile.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;
use rustls::ClientConfig;

use crate::{
    bed::{Kind, Origin, Server, Setup},
    prober::Prober,
};

mod frames;
pub(crate) mod client;
mod attack;
mod idle;

use attack::{ATTACKS, Attack};
use client::{Client, End};

#[derive(Args, Clone)]
pub(crate) struct Options {
    /// Seconds of each flood.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Seconds of each attack that only stays.
    #[arg(long, default_value_t = 75)]
    patience: u64,
    /// Abusive clients at the same time; one whose connection ends comes again.
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// Idle connections.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Only attacks whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
}

/// How long the other clients are watched before, and the server afterwards.
const AROUND: Duration = Duration::from_secs(3);

/// What the abusive clients of one attack met.
#[derive(Default)]
struct Met {
    connections: usize,
    frames: u64,
    /// How connections ended, with the frames and the time that each had until then.
    ends: BTreeMap<String, Vec<(u64, Duration)>>,
}

/// Prints the tables.
pub(crate) fn run(servers: &[Kind], setup: &Setup, options: Options) -> Result<()> {
    let origin = Origin::start(1, None)?;
    println!(
        "{} clients over TLS, {} s of each flood; memory before, at most, {AROUND:?} after\n",
        options.clients, options.seconds
    );
    println!(
        "{:<32} {:<8} {:>10} {:>21} {:>6}  {:<14} {:<28} how connections ended (number; median frames and time)",
        "attack", "server", "frames/s", "memory in MiB", "CPU", "others p50/p99", "meanwhile"
    );
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains(&options.only)) {
        for kind in servers {
            // A new one each time: what the last attack left must not count here.
            let server = Server::start(*kind, origin.address, setup)?;
            one(&server, attack, &options)?;
        }
    }
    if "idle".contains(&options.only) {
        println!();
        for protocol in [idle::http1, idle::http2] {
            for kind in servers {
                protocol(&Server::start(*kind, origin.address, setup)?, options.idle)?;
            }
        }
    }
    Ok(())
}

/// One attack on one server, and its line.
fn one(server: &Server, attack: &Attack, options: &Options) -> Result<()> {
    let time = Duration::from_secs(if attack.stays { options.patience } else { options.seconds });
    let tls = client::tls(&server.authority())?;
    let abuse = &|until| abuse(server, &tls, attack, until);
    let before_others = Prober::run(server.plain, AROUND);
    let before = server.usage();
    let (peak, is_over) = (AtomicU64::new(before.memory), AtomicBool::new(false));
    let (met, others, took, after_cpu) = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                peak.fetch_max(server.usage().memory, Ordering::Relaxed);
                sleep(Duration::from_millis(50));
            }
        });
        let (prober, began) = (Prober::start(server.plain), Instant::now());
        let clients: Vec<_> = (0..options.clients).map(|_| scope.spawn(move || abuse(began + time))).collect();
        let met: Vec<Met> = clients.into_iter().map(|met| met.join().expect("no client panics")).collect();
        let took = began.elapsed();
        is_over.store(true, Ordering::Relaxed);
        (met, prober.stop(), took, server.usage().cpu)
    });
    sleep(AROUND);
    let after = server.usage();
    let mib = |bytes: u64| bytes as f64 / 1048576.0;
    let frames: u64 = met.iter().map(|met| met.frames).sum();
    println!(
        "{:<32} {:<8} {:>10.0} {:>6.0} {:>6.0} {:>6.0} {:>6.0}%  {:<14} {:<28} {}",
        attack.name,
        server.kind,
        frames as f64 / took.as_secs_f64(),
        mib(before.memory),
        mib(peak.into_inner()),
        mib(after.memory),
        100.0 * (after_cpu - before.cpu).as_secs_f64() / took.as_secs_f64(),
        before_others.text(),
        others.text(),
        ends(met),
    );
    Ok(())
}

/// One abusive client, until the time is over.
fn abuse(server: &Server, tls: &Arc<ClientConfig>, attack: &Attack, until: Instant) -> Met {
    let mut met = Met::default();
    while Instant::now() < until {
        let began = Instant::now();
        let settings = (attack.settings)();
        let Ok(mut client) = Client::connect(server.secure, tls, &settings) else {
            met.ends.entry("not accepted".to_owned()).or_default().push((0, began.elapsed()));
            sleep(Duration::from_millis(50));
            continue;
        };
        met.connections += 1;
        let (rounds, end) = harass(&mut client, attack, until);
        let frames = u64::from(rounds) * u64::from(attack.frames);
        met.frames += frames;
        let lasted = began.elapsed();
        let end = end.map_or_else(|| "open at the end".to_owned(), |end| client.last_words(end));
        met.ends.entry(end).or_default().push((frames, lasted));
    }
    met
}

/// Attacks until the connection ends, or the time: how often the bytes were written, and how it ended.
fn harass(client: &mut Client, attack: &Attack, until: Instant) -> (u32, Option<End>) {
    let patience = if attack.stays { Duration::from_millis(200) } else { Duration::ZERO };
    let mut rounds = 0;
    while Instant::now() < until {
        if !attack.stays || rounds == 0 {
            if let Err(end) = client.write(&(attack.bytes)(rounds)) {
                return (rounds, Some(end));
            }
            rounds += 1;
        }
        if attack.reads
            && let Err(end) = client.read(patience)
        {
            return (rounds, Some(end));
        }
        // A server that says goodbye is not waited for.
        if client.farewell.is_some() {
            return (rounds, Some(End::Closed));
        }
    }
    (rounds, None)
}

/// Each way in which connections ended.
fn ends(met: Vec<Met>) -> String {
    let mut all: BTreeMap<String, Vec<(u64, Duration)>> = BTreeMap::new();
    for (end, each) in met.into_iter().flat_map(|met| met.ends) {
        all.entry(end).or_default().extend(each);
    }
    let mut text = String::new();
    for (end, mut each) in all {
        let number = each.len();
        each.sort_unstable();
        let frames = each[number / 2].0;
        each.sort_unstable_by_key(|(_, lasted)| *lasted);
        let lasted = each[number / 2].1.as_secs_f64();
        write!(text, "{end} ({number}; {frames}, {lasted:.2} s) ").expect("a string takes everything");
    }
    text
}
