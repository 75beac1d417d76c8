//! The caches that are compared, each on one processor with everything that its access log needs.

use std::{fmt, fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result};
use clap::ValueEnum;
use tempfile::TempDir;

use crate::{
    bed::{Running, await_listener, free_ports, make_certificate},
    usage,
};

/// A cache that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Cache {
    Edge,
    Nginx,
    Haproxy,
    Varnish,
}

impl fmt::Display for Cache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Edge => "edge",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Varnish => "varnish",
        })
    }
}

/// A cache that answers.
pub(super) struct Server {
    pub(super) cache: Cache,
    pub(super) plain: SocketAddr,
    pub(super) secure: SocketAddr,
    processes: Vec<Running>,
    pub(super) folder: TempDir,
}

impl Server {
    /// Starts one in front of `origin`, all of its processes on one processor, and waits until it listens.
    pub(super) fn start(cache: Cache, edge: &Path, origin: SocketAddr, processor: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let [plain, secure, admin] = free_ports()?;
        let path = folder.path();
        make_certificate(edge, &path.join("tls"))?;
        let fill = |template: &str| {
            template
                .replace("@FOLDER@", &path.display().to_string())
                .replace("@PLAIN@", &plain.port().to_string())
                .replace("@TLS@", &secure.port().to_string())
                .replace("@ADMIN@", &admin.port().to_string())
                .replace("@ORIGIN@", &origin.to_string())
                .replace("@ORIGIN_HOST@", &origin.ip().to_string())
                .replace("@ORIGIN_PORT@", &origin.port().to_string())
        };
        let write = |name: &str, template: &str| fs::write(path.join(name), fill(template));
        write("edge.yaml", include_str!("../../../../deploy/bench/edge.yaml"))?;
        write("nginx.conf", include_str!("../../../../deploy/bench/nginx.conf"))?;
        write("haproxy.cfg", include_str!("../../../../deploy/bench/haproxy.cfg"))?;
        write("varnish.vcl", include_str!("../../../../deploy/bench/varnish.vcl"))?;
        write("hitch.conf", include_str!("../../../../deploy/bench/hitch.conf"))?;
        let listens = format!("127.0.0.1:{}", plain.port());
        let commands = match cache {
            Cache::Edge => vec![command(edge, &["run", "edge.yaml"], path)],
            Cache::Nginx => {
                vec![command(Path::new("nginx"), &["-g", "daemon off;", "-p", ".", "-c", "nginx.conf"], path)]
            }
            Cache::Haproxy => vec![command(Path::new("haproxy"), &["-db", "-f", "haproxy.cfg"], path)],
            Cache::Varnish => vec![
                command(
                    Path::new("varnishd"),
                    &[
                        "-F",
                        "-n",
                        "work",
                        "-f",
                        "varnish.vcl",
                        "-a",
                        &listens,
                        "-s",
                        "malloc,1g",
                        "-p",
                        "thread_pools=1",
                        "-p",
                        "thread_pool_min=100",
                    ],
                    path,
                ),
                command(Path::new("hitch"), &["--config=hitch.conf"], path),
            ],
        };
        let mut server = Self { cache, plain, secure, processes: Vec::new(), folder };
        let log = server.folder.path().join("server.log");
        for command in &commands {
            server.processes.push(Running::start(command, Some(processor), &log)?);
        }
        await_listener(&mut server.processes[0], plain, &log)?;
        if cache == Cache::Varnish {
            let log = server.folder.path().join("access.log");
            let ncsa = command(Path::new("varnishncsa"), &["-n", "work"], server.folder.path());
            server.processes.push(Running::start(&ncsa, Some(processor), &log)?);
        }
        await_listener(&mut server.processes[0], secure, &log)?;
        Ok(server)
    }

    /// Processor time so far, of all its processes.
    pub(super) fn cpu(&self) -> Duration {
        self.pids().iter().map(|pid| usage::of(&[*pid]).cpu).sum()
    }

    fn pids(&self) -> Vec<u32> {
        let families = self.processes.iter().map(|process| usage::family(process.pid()));
        let mut pids: Vec<_> = families.flatten().flat_map(usage::family).collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// Its version, in one line.
    pub(super) fn version(&self, edge: &Path) -> Result<String> {
        let (program, argument) = match self.cache {
            Cache::Edge => (edge, "--version"),
            Cache::Nginx => (Path::new("nginx"), "-v"),
            Cache::Haproxy => (Path::new("haproxy"), "-v"),
            Cache::Varnish => (Path::new("varnishd"), "-V"),
        };
        let said =
            Command::new(program).arg(argument).output().with_context(|| format!("cannot start {}", self.cache))?;
        let text = [said.stdout, said.stderr].concat();
        Ok(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
    }
}

/// A program in a folder, at a priority above all that else runs on the machine, where that may be had.
fn command(program: &Path, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "-15", "env", "-C"]).arg(folder).arg(program).args(arguments);
    command
}
