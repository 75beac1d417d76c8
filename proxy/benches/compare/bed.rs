//! The servers that are compared, each in front of the same origin, started and ended here.

use std::{
    fmt,
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tempfile::TempDir;

use crate::usage;

/// Longer than any of them takes to start on a busy machine.
const START: Duration = Duration::from_secs(120);
/// Longer than the edge takes to drain.
const STOP: Duration = Duration::from_secs(15);

/// A server that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Edge,
    Nginx,
    Haproxy,
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Edge => "edge",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
        })
    }
}

/// What all servers of one comparison have in common.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// The edge's program.
    pub(crate) edge: PathBuf,
    /// Workers, or threads, of each server.
    pub(crate) workers: usize,
    /// Requests after which a connection is closed.
    pub(crate) requests_per_connection: u32,
    /// Processors that a server may use, as taskset(1) takes them; all if `None`.
    pub(crate) processors: Option<String>,
}

/// A running process; killed when dropped.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &Command, processors: Option<&str>, log: &Path) -> Result<Self> {
        // It ends with the thread that started it, however that ends.
        let mut run = Command::new("setpriv");
        run.args(["--pdeathsig", "TERM"]);
        if let Some(list) = processors {
            run.args(["taskset", "-c", list]);
        }
        run.arg(command.get_program()).args(command.get_args());
        let log = File::create(log)?;
        let child = run.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn();
        Ok(Self(child.with_context(|| format!("cannot start {command:?}; hint: deploy/local/compare.sh installs it"))?))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // nginx ends its workers only if it is asked to end.
        let mut ended = !matches!(self.0.try_wait(), Ok(None));
        if !ended {
            Command::new("kill").arg(self.pid().to_string()).status().ok();
        }
        let end = Instant::now() + STOP;
        while !ended && Instant::now() < end {
            ended = !matches!(self.0.try_wait(), Ok(None));
            sleep(Duration::from_millis(20));
        }
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    /// Its plain listener.
    pub(crate) plain: SocketAddr,
    /// Its TLS listener, with `h2` and `http/1.1`.
    pub(crate) secure: SocketAddr,
    process: Running,
    folder: TempDir,
}

impl Server {
    /// Starts one in front of `origin` and waits until it listens.
    pub(crate) fn start(kind: Kind, origin: SocketAddr, setup: &Setup) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let [plain, secure, admin] = free_ports()?;
        make_certificate(&setup.edge, &folder.path().join("tls"))?;
        let filled = |template: &str| {
            fill(template, folder.path(), setup.workers)
                .replace("@PLAIN@", &plain.port().to_string())
                .replace("@REQUESTS@", &setup.requests_per_connection.to_string())
                .replace("@TLS@", &secure.port().to_string())
                .replace("@ADMIN@", &admin.port().to_string())
                .replace("@ORIGIN@", &origin.to_string())
        };
        let file = folder.path().join("server.conf");
        let mut command;
        let text = match kind {
            Kind::Edge => {
                command = Command::new(&setup.edge);
                command.arg("run").arg(&file);
                filled(include_str!("bed/edge.yaml"))
            }
            Kind::Nginx => {
                command = nginx(&file, folder.path());
                filled(include_str!("bed/nginx.conf"))
            }
            Kind::Haproxy => {
                command = Command::new("haproxy");
                command.args(["-db", "-f"]).arg(&file);
                filled(include_str!("bed/haproxy.cfg"))
            }
        };
        fs::write(&file, text)?;
        let log = folder.path().join("server.log");
        let process = Running::start(&command, setup.processors.as_deref(), &log)?;
        let mut server = Self { kind, plain, secure, process, folder };
        for address in [plain, secure] {
            await_listener(&mut server.process, address, &log)?;
        }
        Ok(server)
    }

    /// Every process of it.
    pub(crate) fn pids(&self) -> Vec<u32> {
        usage::family(self.process.pid())
    }

    /// What it takes of the machine now.
    pub(crate) fn usage(&self) -> usage::Usage {
        usage::of(&self.pids())
    }

    /// The authority that signed its certificate.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("tls/ca.pem")
    }
}

/// nginx as an origin: 1 KiB at every path, 1 MiB at `/large`.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    _process: Running,
    _folder: TempDir,
}

impl Origin {
    pub(crate) fn start(workers: usize, processors: Option<&str>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let [address] = free_ports()?;
        let root = folder.path().join("origin");
        fs::create_dir(&root)?;
        fs::write(root.join("small"), [b's'; 1 << 10])?;
        fs::write(root.join("large"), vec![b'l'; 1 << 20])?;
        let file = folder.path().join("server.conf");
        let text = fill(include_str!("bed/origin.conf"), folder.path(), workers);
        fs::write(&file, text.replace("@PLAIN@", &address.port().to_string()))?;
        let log = folder.path().join("server.log");
        let mut process = Running::start(&nginx(&file, folder.path()), processors, &log)?;
        await_listener(&mut process, address, &log)?;
        Ok(Self { address, _process: process, _folder: folder })
    }
}

fn nginx(file: &Path, folder: &Path) -> Command {
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-g", "daemon off;", "-e"]).arg(folder.join("error.log")).arg("-c").arg(file).arg("-p").arg(folder);
    command
}

fn fill(template: &str, folder: &Path, workers: usize) -> String {
    template.replace("@FOLDER@", &folder.display().to_string()).replace("@WORKERS@", &workers.to_string())
}

/// Ports that nobody listens on, for servers that cannot be told to take one.
pub(crate) fn free_ports<const N: usize>() -> Result<[SocketAddr; N]> {
    let listeners: Vec<_> = (0..N).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let addresses: Vec<_> = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?;
    Ok(addresses.try_into().expect("as many addresses as listeners"))
}

pub(crate) fn make_certificate(edge: &Path, folder: &Path) -> Result<()> {
    let made = Command::new(edge).args(["dev-certificate", "--out"]).arg(folder).output();
    let made = made.with_context(|| format!("cannot start {}", edge.display()))?;
    if !made.status.success() {
        bail!("no certificate: {}", String::from_utf8_lossy(&made.stderr));
    }
    // HAProxy reads chain and key from one file.
    let both = [fs::read(folder.join("localhost.pem"))?, fs::read(folder.join("localhost.key"))?].concat();
    Ok(fs::write(folder.join("both.pem"), both)?)
}

pub(crate) fn await_listener(process: &mut Running, address: SocketAddr, log: &Path) -> Result<()> {
    let end = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        let ended = process.0.try_wait()?;
        if ended.is_some() || Instant::now() > end {
            bail!("nobody listens at {address} ({ended:?}):\n{}", fs::read_to_string(log)?);
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
