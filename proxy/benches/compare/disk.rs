//! What a cache on a disk bears: the edge killed again and again, the disk full, read-only and gone, upgrades, all of it
//! under load and purges. No client may get anything wrong, torn or purged.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::{task::JoinSet, time::sleep};

use crate::bed::{self, Running, Setup};

mod objects;
mod origin;
mod clients;

use clients::{Load, Met, Target};
use objects::Objects;

#[derive(Args, Clone, Copy)]
pub(crate) struct Options {
    /// Times that the edge is killed (SIGKILL) and started anew.
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// Upgrades (SIGQUIT).
    #[arg(long, default_value_t = 50)]
    upgrades: usize,
    /// Seconds of load before each kill, and in each fault of the disk.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Clients.
    #[arg(long, default_value_t = 12)]
    clients: u64,
    /// Objects, 165 KiB each on average.
    #[arg(long, default_value_t = 1500)]
    objects: usize,
}

/// The disk of the zone: less than all objects take.
const SIZE: &str = "128MiB";
/// The file system that it is on where that is to fail.
const FAULTY_BYTES: u64 = 192 << 20;
/// The edge looks every few seconds whether a disk can be used again.
const RECOVERY: Duration = Duration::from_secs(10);
const DISK_HITS: &str = "floodgate_cache_disk_hits_total";
const TOKEN: &str = "a-token-of-at-least-thirty-two-characters";
/// A start that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The edge, whichever process it is.
struct Edge<'s> {
    setup: &'s Setup,
    folder: PathBuf,
    target: Target,
    process: Option<Running>,
    pid: u32,
}

/// Prints a table; an error if a client got something that it must not get.
pub(crate) fn run(setup: &Setup, options: Options) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        tokio::select! {
            done = endure(setup, options) => done,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

async fn endure(setup: &Setup, options: Options) -> Result<()> {
    println!(
        "{:<34} {:>9} {:>9} {:>7} {:>10} {:>7} {:>7} {:>7} {:>7}",
        "", "answered", "hits", "purges", "sent again", "wrong", "torn", "purged", "failed"
    );
    let mut bad = kills(setup, options).await?;
    bad += upgrades(setup, options).await?;
    bad += faults(setup, options).await?;
    if bad > 0 { bail!("{bad} answers were not as they must be") } else { Ok(()) }
}

async fn kills(setup: &Setup, options: Options) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let (mut edge, load, mut clients) = begin(setup, options, folder.path()).await?;
    for _ in 0..options.kills {
        sleep(Duration::from_secs(options.seconds)).await;
        load.down.store(true, Ordering::SeqCst);
        edge.kill().await;
        edge.start().await?;
        load.down.store(false, Ordering::SeqCst);
    }
    sleep(Duration::from_secs(options.seconds)).await;
    let bad = report(&format!("killed {} times", options.kills), &load.take());
    println!("    hits from the disk since the last start: {}", edge.metric(DISK_HITS).await);
    clients.shutdown().await;
    Ok(bad)
}

async fn upgrades(setup: &Setup, options: Options) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let (mut edge, load, mut clients) = begin(setup, options, folder.path()).await?;
    sleep(Duration::from_secs(options.seconds)).await;
    for number in 0..options.upgrades {
        edge.upgrade().await.with_context(|| format!("upgrade {number}"))?;
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_secs(options.seconds)).await;
    let bad = report_all(&format!("upgraded {} times", options.upgrades), &load.take());
    println!("    hits from the disk since the last upgrade: {}", edge.metric(DISK_HITS).await);
    clients.shutdown().await;
    Ok(bad)
}

/// What is done to the disk.
#[derive(Clone, Copy)]
enum Fault {
    Full,
    ReadOnly,
    Gone,
}

/// Each fault of the disk in turn, on a file system of its own, which takes root to mount.
async fn faults(setup: &Setup, options: Options) -> Result<u64> {
    if !rustix::process::geteuid().is_root() {
        println!("faults of the disk: left out, as only root can mount a file system");
        return Ok(0);
    }
    let folder = tempfile::tempdir()?;
    let disk = Mounted::new(folder.path())?;
    let (mut edge, load, mut clients) = begin(setup, options, folder.path()).await?;
    let pause = Duration::from_secs(options.seconds);
    sleep(pause).await;
    let mut bad = report_all("the disk is well", &load.take());
    for (fault, name) in
        [(Fault::Full, "the disk is full"), (Fault::ReadOnly, "it is read-only"), (Fault::Gone, "its files are gone")]
    {
        disk.fail(fault)?;
        sleep(pause).await;
        bad += report_all(name, &load.take());
        disk.mend(fault)?;
        let before = edge.metric(DISK_HITS).await;
        sleep(RECOVERY).await;
        bad += report_all("    and well again", &load.take());
        println!("    hits from the disk since: {}", edge.metric(DISK_HITS).await - before);
    }
    clients.shutdown().await;
    edge.kill().await;
    Ok(bad)
}

/// An edge under load.
async fn begin<'s>(setup: &'s Setup, options: Options, folder: &Path) -> Result<(Edge<'s>, Arc<Load>, JoinSet<()>)> {
    let objects = Arc::new(Objects::new(options.objects));
    let origin = origin::start(Arc::clone(&objects)).await?;
    let [plain, admin] = bed::free_ports()?;
    let text = include_str!("disk/edge.yaml")
        .replace("@PLAIN@", &plain.to_string())
        .replace("@ADMIN@", &admin.to_string())
        .replace("@ORIGIN@", &origin.to_string())
        .replace("@FOLDER@", &folder.display().to_string())
        .replace("@SIZE@", SIZE);
    fs::write(folder.join("edge.yaml"), text)?;
    fs::write(folder.join("token"), TOKEN)?;
    let target = Target { plain, admin, token: TOKEN.to_owned() };
    let mut edge = Edge { setup, folder: folder.to_owned(), target: target.clone(), process: None, pid: 0 };
    edge.start().await?;
    let load = Arc::new(Load::new(objects, target));
    let mut clients = JoinSet::new();
    for seed in 0..options.clients {
        clients.spawn(clients::ask(Arc::clone(&load), seed));
    }
    clients.spawn(clients::purge(Arc::clone(&load)));
    Ok((edge, load, clients))
}

/// Prints what clients met, and counts what none may meet.
fn report(phase: &str, met: &Met) -> u64 {
    let Met { answered, hits, purges, again, wrong, torn, purged, failed, how } = met;
    println!(
        "{phase:<34} {answered:>9} {hits:>9} {purges:>7} {again:>10} {wrong:>7} {torn:>7} {purged:>7} {failed:>7}"
    );
    how.iter().for_each(|(how, times)| println!("    {times} x {how}"));
    wrong + torn + purged
}

/// The same where no request may fail either.
fn report_all(phase: &str, met: &Met) -> u64 {
    report(phase, met) + met.failed
}

impl Edge<'_> {
    async fn start(&mut self) -> Result<()> {
        let log = self.folder.join("edge.log");
        let mut command = Command::new(&self.setup.edge);
        command.arg("run").arg(self.folder.join("edge.yaml")).arg("--pid-file").arg(self.folder.join("edge.pid"));
        let mut process = Running::start(&command, None, &log)?;
        bed::await_listener(&mut process, self.target.plain, &log)?;
        bed::await_listener(&mut process, self.target.admin, &log)?;
        self.pid = process.pid();
        self.process = Some(process);
        Ok(())
    }

    /// Kills it, with no time for anything.
    async fn kill(&mut self) {
        signal(self.pid, "KILL").ok();
        while is_running(self.pid) {
            sleep(Duration::from_millis(5)).await;
        }
        self.process = None;
    }

    async fn upgrade(&mut self) -> Result<()> {
        let earlier = self.pid;
        signal(earlier, "QUIT")?;
        let until = Instant::now() + PATIENCE;
        loop {
            let text = fs::read_to_string(self.folder.join("edge.pid")).unwrap_or_default();
            if let Ok(pid) = text.trim().parse::<u32>()
                && pid != earlier
            {
                self.pid = pid;
                return Ok(());
            }
            if Instant::now() > until {
                bail!("no other process after {PATIENCE:?}: {}", fs::read_to_string(self.folder.join("edge.log"))?);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The sum of a counter over its labels; nothing where the edge does not answer.
    async fn metric(&self, name: &str) -> i64 {
        let url = format!("http://{}/metrics", self.target.admin);
        let Ok(answer) = reqwest::get(url).await else { return 0 };
        let text = answer.text().await.unwrap_or_default();
        let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit_once(' '));
        values.filter_map(|(_, value)| value.parse::<f64>().ok()).sum::<f64>() as i64
    }
}

impl Drop for Edge<'_> {
    fn drop(&mut self) {
        // A successor is no child of ours.
        if is_running(self.pid) {
            signal(self.pid, "KILL").ok();
        }
    }
}

/// A small file system of its own, in a file; unmounted when dropped.
struct Mounted {
    image: PathBuf,
    at: PathBuf,
}

impl Mounted {
    fn new(folder: &Path) -> Result<Self> {
        let mounted = Self { image: folder.join("disk.img"), at: folder.join("cache") };
        fs::create_dir_all(&mounted.at)?;
        fs::File::create(&mounted.image)?.set_len(FAULTY_BYTES)?;
        run_command("mkfs.ext4", &["-q", &mounted.image.display().to_string()])?;
        mounted.mount()?;
        Ok(mounted)
    }

    fn mount(&self) -> Result<()> {
        let (image, at) = (self.image.display().to_string(), self.at.display().to_string());
        run_command("mount", &["-o", "loop,errors=remount-ro", &image, &at])
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }

    fn fail(&self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Full => {
                // Until nothing more goes.
                let mut file = fs::File::create(self.filler())?;
                while std::io::Write::write_all(&mut file, &[0; 1 << 16]).is_ok() {}
                Ok(())
            }
            // As the kernel does it when the device fails: whatever is open can be read and not written.
            Fault::ReadOnly => {
                let mounts = fs::read_to_string("/proc/mounts")?;
                let at = self.at.display().to_string();
                let line = mounts.lines().find(|line| line.split(' ').nth(1) == Some(&at));
                let device = line.and_then(|line| line.split(' ').next()?.rsplit('/').next());
                let device = device.context("it is not mounted")?;
                Ok(fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "a fault of the comparison")?)
            }
            Fault::Gone => {
                for entry in fs::read_dir(&self.at)?.flatten().filter(|entry| entry.path().is_file()) {
                    fs::remove_file(entry.path())?;
                }
                Ok(())
            }
        }
    }

    fn mend(&self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Full => Ok(fs::remove_file(self.filler())?),
            // What an operator does: another device, or the same one repaired, in the same place.
            Fault::ReadOnly => {
                run_command("umount", &["-l", &self.at.display().to_string()])?;
                fs::remove_file(&self.image)?;
                fs::File::create(&self.image)?.set_len(FAULTY_BYTES)?;
                run_command("mkfs.ext4", &["-q", &self.image.display().to_string()])?;
                self.mount()
            }
            Fault::Gone => Ok(()),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        run_command("umount", &["-l", &self.at.display().to_string()]).ok();
    }
}

fn run_command(name: &str, arguments: &[&str]) -> Result<()> {
    let done = Command::new(name).args(arguments).output().with_context(|| format!("cannot start {name}"))?;
    if done.status.success() {
        Ok(())
    } else {
        bail!("{name} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr))
    }
}

fn signal(pid: u32, name: &str) -> Result<()> {
    run_command("kill", &[&format!("-{name}"), &pid.to_string()])
}

/// Whether a process lives; one that nobody has waited for yet does not.
fn is_running(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}
