//! One edge process in a folder of its own, ended when the test ends.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use reqwest::{Certificate, Client, ClientBuilder, redirect::Policy};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine; a wait that reaches it fails its test.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A running edge.
pub(crate) struct Edge {
    folder: TempDir,
    child: Child,
    log: Arc<Log>,
}

/// What the process wrote to standard error so far.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

/// A configuration with one plain and one TLS listener in front of one pool; `routes` is the YAML of the route list.
pub(crate) fn config(endpoints: &[SocketAddr], pool: &str, routes: &str) -> String {
    let endpoints: Vec<_> = endpoints.iter().map(|address| format!("\"{address}\"")).collect();
    format!(
        r#"
version: 1
process: {{workers: 2, drain_timeout: 10s}}
listeners:
  plain: {{bind: ["127.0.0.1:0"], max_header: 16KiB}}
  secure:
    bind: ["127.0.0.1:0"]
    tls:
      certificates: [{{names: [localhost], chain: tls/localhost.pem, key: tls/localhost.key}}]
admin: {{bind: "127.0.0.1:0"}}
classes: [core, browse]
pools:
  origin:
    endpoints: [{endpoints}]
{pool}
{zones}
routes:
{routes}
telemetry: {{access_log: {{to: "file:access.log"}}}}
"#,
        endpoints = endpoints.join(", "),
        zones = if routes.contains("zone: pages") { "zones: {pages: {memory: 16MiB, max_object: 1MiB}}" } else { "" },
    )
}

/// Makes a certificate for a name, signed by an authority of its own.
pub(crate) fn make_certificate(folder: &Path, name: &str) {
    let made = Command::new(env!("CARGO_BIN_EXE_edge"))
        .args(["dev-certificate", "--name", name, "--out"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

impl Edge {
    /// Starts an edge and waits until it is ready.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), Path::new(env!("CARGO_BIN_EXE_edge")), config)
    }

    /// An edge that has Pingora answer what it could answer before.
    pub(crate) fn start_without_short_way(config: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_edge"));
        Self::start_with(tempfile::tempdir().unwrap(), program, config, &["--without-short-way"])
    }

    /// Starts this program as an edge, in a folder that may hold something already.
    pub(crate) fn start_in(folder: TempDir, program: &Path, config: &str) -> Self {
        Self::start_with(folder, program, config, &[])
    }

    fn start_with(folder: TempDir, program: &Path, config: &str, options: &[&str]) -> Self {
        make_certificate(&folder.path().join("tls"), "localhost");
        std::fs::write(folder.path().join("edge.yaml"), config).unwrap();
        let mut child = Command::new(program)
            .arg("run")
            .args(options)
            .arg("--pid-file")
            .arg(folder.path().join("edge.pid"))
            .arg(folder.path().join("edge.yaml"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Log::default());
        let (stderr, sink) = (child.stderr.take().unwrap(), Arc::clone(&log));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                sink.lines.lock().unwrap().push(line);
                sink.more.notify_all();
            }
        });
        let edge = Self { folder, child, log };
        edge.wait_for_log("the edge is ready");
        edge
    }

    /// Waits until a line holds `text` and returns all lines so far that do.
    pub(crate) fn wait_for_log(&self, text: &str) -> Vec<String> {
        let end = Instant::now() + LONG;
        let mut lines = self.log.lines.lock().unwrap();
        loop {
            let found: Vec<_> = lines.iter().filter(|line| line.contains(text)).cloned().collect();
            if !found.is_empty() {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no {text:?} in the log:\n{}", lines.join("\n"));
            (lines, _) = self.log.more.wait_timeout(lines, left).unwrap();
        }
    }

    /// Ids of the processes that took over, the latest last.
    pub(crate) fn successors(&self) -> Vec<String> {
        let log = self.log_text();
        let lines = log.lines().filter_map(|line| line.split_once("a new process takes over process="));
        lines.map(|(_, process)| process.trim().to_owned()).collect()
    }

    /// Everything logged so far.
    pub(crate) fn log_text(&self) -> String {
        self.log.lines.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }

    /// The address that a listener was given.
    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        let line = self.wait_for_log(&format!("listening listener=\"{listener}\"")).remove(0);
        line.rsplit_once("address=").unwrap().1.trim().parse().unwrap()
    }

    pub(crate) fn plain(&self, path: &str) -> String {
        format!("http://{}{path}", self.address("plain"))
    }

    pub(crate) fn secure(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address("secure").port())
    }

    /// The authority that signs the edge's certificates.
    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.folder.path().join("tls/ca.pem")).unwrap()
    }

    /// A client that trusts the edge's authority, follows no redirects and keeps no cookies.
    pub(crate) fn client(&self) -> ClientBuilder {
        let authority = std::fs::read(self.folder.path().join("tls/ca.pem")).unwrap();
        Client::builder()
            .add_root_certificate(Certificate::from_pem(&authority).unwrap())
            .redirect(Policy::none())
            .timeout(LONG)
    }

    /// The metrics page.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.address("admin"));
        reqwest::get(url).await.unwrap().text().await.unwrap()
    }

    /// Waits until the metrics page has a line.
    pub(crate) async fn wait_for_metric(&self, line: &str) {
        wait_until(&format!("metric {line}"), async || self.metrics().await.lines().any(|have| have == line)).await;
    }

    /// Waits until a line of the access log holds `text`, and returns the last one that does.
    pub(crate) async fn wait_for_access(&self, text: &str) -> String {
        let mut line = None;
        wait_until(&format!("{text:?} in the access log"), async || {
            let log = std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default();
            line = log.lines().rfind(|line| line.contains(text)).map(str::to_owned);
            line.is_some()
        })
        .await;
        line.unwrap()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn rewrite_config(&self, change: impl FnOnce(String) -> String) {
        let file: PathBuf = self.folder.path().join("edge.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, change(text)).unwrap();
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }

    /// Lets it open descriptors below this number alone, and tells what the limit was.
    pub(crate) fn limit_descriptors(&self, most: Option<u64>) -> Option<u64> {
        use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
        let maximum = getrlimit(Resource::Nofile).maximum;
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, Rlimit { current: most, maximum })
            .unwrap()
            .current
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends the process by a signal; what it leaves behind.
    pub(crate) async fn end_by(mut self, signal: &str) -> TempDir {
        self.signal(signal);
        self.wait().await;
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// Waits for the process to end by itself, while clients of the same runtime go on.
    pub(crate) async fn wait(&mut self) -> ExitStatus {
        wait_until("the edge ends", async || self.child.try_wait().unwrap().is_some()).await;
        self.child.wait().unwrap()
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        // Those that it handed over to are not ours to wait for.
        for process in self.successors() {
            Command::new("kill").args(["-KILL", &process]).stderr(Stdio::null()).status().ok();
        }
        if std::thread::panicking() {
            eprintln!("the edge's log:\n{}", self.log_text());
        }
    }
}

/// Asks until the condition holds.
pub(crate) async fn wait_until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !holds().await {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
