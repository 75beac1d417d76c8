//! Reloads and upgrades of the edge, one after the other, under clients of every kind: what fails (nothing may), what
//! becomes of exchanges that stay open, and what is left behind.

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::sleep,
};

use crate::{
    abuse::client,
    bed::{self, Running, Setup},
    usage::{self, Usage},
};

mod origin;
mod clients;

use clients::{Kind, Met, Tally, Target};

#[derive(Args, Clone, Copy)]
pub(crate) struct Options {
    /// Reloads, each with another configuration.
    #[arg(long, default_value_t = 200)]
    reloads: usize,
    /// Upgrades, each to another number of workers.
    #[arg(long, default_value_t = 50)]
    upgrades: usize,
    /// Clients of each kind.
    #[arg(long, default_value_t = 4)]
    clients: usize,
    /// Seconds of load before, and after each upgrade.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
}

/// Addresses of the plain listeners: with the TLS one, 64 sockets for two workers.
const ADDRESSES: usize = 31;
/// What one listener takes.
const ADDRESSES_EACH: usize = 16;
/// Numbers of workers, in turn.
const WORKERS: [usize; 4] = [2, 3, 1, 2];
/// A reload, or an upgrade, that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The edge, whichever process it is.
struct Edge {
    folder: tempfile::TempDir,
    /// The configuration without what changes in it.
    template: String,
    plain: Vec<SocketAddr>,
    secure: SocketAddr,
    generation: usize,
    workers: usize,
    /// Every process that it has been.
    pids: Vec<u32>,
    _first: Running,
}

/// Prints a table for each phase; an error if a request failed.
pub(crate) fn run(setup: &Setup, options: Options) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        tokio::select! {
            done = soak(setup, options) => done,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

async fn soak(setup: &Setup, options: Options) -> Result<()> {
    let mut edge = Edge::start(setup, origin::http1().await?, origin::grpc().await?).await?;
    let tls = client::tls(&edge.folder.path().join("tls/ca.pem"))?;
    let alone = edge.usage();
    let target = Arc::new(Target { plain: edge.plain.clone(), secure: edge.secure, tls });
    let tally = Arc::new(Tally::default());
    let mut load = tokio::task::JoinSet::new();
    for kind in Kind::ALL {
        for number in 0..options.clients {
            load.spawn(clients::run(kind, number, Arc::clone(&target), Arc::clone(&tally)));
        }
    }
    let pause = Duration::from_secs(options.seconds);
    sleep(pause * 2).await;
    let before = edge.usage();
    let mut failed = report("before", &tally.take());

    let began = Instant::now();
    for _ in 0..options.reloads {
        edge.reload().await?;
    }
    failed += report(&format!("{} reloads in {:.0?}", options.reloads, began.elapsed()), &tally.take());
    let reloaded = edge.usage();

    let began = Instant::now();
    for number in 0..options.upgrades {
        edge.upgrade(WORKERS[number % WORKERS.len()]).await.with_context(|| format!("upgrade {number}"))?;
        sleep(pause).await;
    }
    failed += report(&format!("{} upgrades in {:.0?}", options.upgrades, began.elapsed()), &tally.take());
    edge.await_leavers().await?;
    if edge.workers != WORKERS[3] {
        edge.upgrade(WORKERS[3]).await?;
        edge.await_leavers().await?;
    }
    sleep(pause * 2).await;
    let after = edge.usage();
    failed += report("after", &tally.take());
    load.shutdown().await;
    sleep(pause).await;
    println!("\n{:<28} {:>12} {:>12}", "the edge with 2 workers", "memory", "descriptors");
    for (when, usage) in [
        ("before, without clients", alone),
        ("before", before),
        ("after the reloads", reloaded),
        ("after the upgrades", after),
        ("after, without clients", edge.usage()),
    ] {
        println!("{when:<28} {:>8} KiB {:>12}", usage.memory >> 10, usage.descriptors);
    }
    println!("\nfailed requests in all: {failed}");
    if failed > 0 { bail!("{failed} requests failed") } else { Ok(()) }
}

/// Prints what clients met, and counts what failed.
fn report(phase: &str, met: &BTreeMap<Kind, Met>) -> u64 {
    println!("\n{phase:<28} {:>9} {:>10} {:>7}", "answered", "sent again", "failed");
    for (kind, met) in met {
        println!("{:<28} {:>9} {:>10} {:>7}", kind.name(), met.answered, met.again, met.failed);
        for (how, times) in &met.how {
            println!("    {how}: {times}");
        }
    }
    met.values().map(|met| met.failed).sum()
}

impl Edge {
    async fn start(setup: &Setup, origin: SocketAddr, grpc: SocketAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        bed::make_certificate(&setup.edge, &folder.path().join("tls"))?;
        let ports: [SocketAddr; ADDRESSES + 2] = bed::free_ports()?;
        let [plain @ .., secure, admin] = &ports;
        let binds: Vec<_> = plain.iter().map(|address| format!("\"{address}\"")).collect();
        let (binds, more) = binds.split_at(ADDRESSES_EACH);
        let template = include_str!("soak/edge.yaml")
            .replace("@PLAIN@", &binds.join(", "))
            .replace("@MORE@", &more.join(", "))
            .replace("@TLS@", &secure.to_string())
            .replace("@ADMIN@", &admin.to_string())
            .replace("@ORIGIN@", &origin.to_string())
            .replace("@GRPC@", &grpc.to_string());
        let (file, log) = (folder.path().join("edge.yaml"), folder.path().join("edge.log"));
        fs::write(&file, fill(&template, 0, WORKERS[3]))?;
        let mut command = Command::new(&setup.edge);
        command.arg("run").arg(&file).arg("--pid-file").arg(folder.path().join("edge.pid"));
        let mut first = Running::start(&command, None, &log)?;
        for address in &ports {
            bed::await_listener(&mut first, *address, &log)?;
        }
        let pids = vec![first.pid()];
        let mut edge = Self {
            folder,
            template,
            plain: plain.to_vec(),
            secure: *secure,
            generation: 0,
            workers: WORKERS[3],
            pids,
            _first: first,
        };
        edge.await_generation().await?;
        Ok(edge)
    }

    /// The process that serves.
    fn pid(&self) -> u32 {
        *self.pids.last().expect("one at least")
    }

    fn usage(&self) -> Usage {
        usage::of(&[self.pid()])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        let log = fs::read_to_string(self.path("edge.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(15).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Another generation, and workers, into the file, whole at any time.
    fn write(&mut self, workers: usize) -> Result<()> {
        self.generation += 1;
        self.workers = workers;
        fs::write(self.path("edge.yaml.new"), fill(&self.template, self.generation, workers))?;
        Ok(fs::rename(self.path("edge.yaml.new"), self.path("edge.yaml"))?)
    }

    async fn reload(&mut self) -> Result<()> {
        self.write(self.workers)?;
        signal(self.pid(), "HUP")?;
        self.await_generation().await
    }

    async fn upgrade(&mut self, workers: usize) -> Result<()> {
        self.write(workers)?;
        let earlier = self.pid();
        signal(earlier, "QUIT")?;
        let until = Instant::now() + PATIENCE;
        loop {
            let text = fs::read_to_string(self.path("edge.pid")).unwrap_or_default();
            if let Ok(pid) = text.trim().parse::<u32>()
                && pid != earlier
            {
                self.pids.push(pid);
                return self.await_generation().await;
            }
            if Instant::now() > until {
                bail!("no other process after {PATIENCE:?}:\n{}", self.log());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the newest configuration answers.
    async fn await_generation(&mut self) -> Result<()> {
        let (until, wanted) = (Instant::now() + PATIENCE, format!("generation {}.", self.generation));
        while !ask(self.plain[0]).await.unwrap_or_default().ends_with(&wanted) {
            if Instant::now() > until {
                bail!("no {wanted:?} after {PATIENCE:?}:\n{}", self.log());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// Waits until the earlier processes have gone.
    async fn await_leavers(&self) -> Result<()> {
        let (until, leavers) = (Instant::now() + PATIENCE, &self.pids[..self.pids.len() - 1]);
        while let Some(pid) = leavers.iter().find(|pid| is_running(**pid)) {
            if Instant::now() > until {
                bail!("process {pid} has not ended:\n{}", self.log());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        for pid in self.pids.iter().filter(|pid| is_running(**pid)) {
            signal(*pid, "KILL").ok();
        }
    }
}

fn fill(template: &str, generation: usize, workers: usize) -> String {
    template.replace("@GENERATION@", &generation.to_string()).replace("@WORKERS@", &workers.to_string())
}

fn signal(pid: u32, name: &str) -> Result<()> {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status()?;
    if sent.success() { Ok(()) } else { bail!("process {pid} is not there") }
}

/// Whether a process lives; one that nobody has waited for yet does not.
fn is_running(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
        && fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn ask(address: SocketAddr) -> Result<String> {
    let mut tcp = TcpStream::connect(address).await?;
    tcp.write_all(b"GET /generation HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await?;
    Ok(answer)
}
