//! Endpoints that are slow, fail, hang or go away: what each still gets, what clients see, and how much is sent twice.

use std::{
    fs,
    net::SocketAddr,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::sleep};

use crate::bed::{Kind, Running, Setup, await_listener, free_ports};

mod clients;
mod origin;

use self::{
    clients::{Request, failed, quantile},
    origin::{Endpoint, Manner},
};

#[derive(Args, Clone, Copy)]
pub(crate) struct Options {
    /// Requests each second.
    #[arg(long, default_value_t = 400)]
    rate: u32,
}

/// A time without requests after which an endpoint counts as left out.
const GAP: Duration = Duration::from_millis(1500);

/// A server, and how it balances.
struct Candidate {
    name: &'static str,
    kind: Kind,
    /// Keys of the pool, one a line.
    rules: &'static str,
}

const PLAIN: &str = "eject: off\n    retry: {tries: 1}";
const EJECT: &str = "eject: {consecutive_errors: 5, for: 3s, success_rate: {below: 15%, requests: 50, window: 3s}}";
const CHECKS: &str = "health: {http: /healthz, interval: 1s, timeout: 500ms, down_after: 2, up_after: 2}";

/// Who meets one endpoint of four that is not well.
const FOR_ONE_BAD: [Candidate; 7] = [
    Candidate { name: "edge round_robin, nothing else", kind: Kind::Edge, rules: "balance: round_robin\n    @PLAIN@" },
    Candidate { name: "edge round_robin", kind: Kind::Edge, rules: "balance: round_robin\n    @EJECT@" },
    Candidate { name: "edge least_requests", kind: Kind::Edge, rules: "balance: least_requests\n    @EJECT@" },
    Candidate { name: "edge p2c_ewma", kind: Kind::Edge, rules: "balance: p2c_ewma\n    @EJECT@" },
    Candidate { name: "edge hash by path", kind: Kind::Edge, rules: "balance: {hash: {by: path}}\n    @EJECT@" },
    Candidate { name: "nginx least_conn", kind: Kind::Nginx, rules: "" },
    Candidate { name: "haproxy leastconn", kind: Kind::Haproxy, rules: "" },
];

/// Who meets a pool that fails.
const FOR_A_STORM: [Candidate; 4] = [
    Candidate { name: "edge, no budget to speak of", kind: Kind::Edge, rules: "retry: {tries: 2, budget: 100%}" },
    Candidate { name: "edge", kind: Kind::Edge, rules: "retry: {tries: 2}" },
    Candidate { name: "nginx", kind: Kind::Nginx, rules: "" },
    Candidate { name: "haproxy", kind: Kind::Haproxy, rules: "" },
];

/// Who meets a pool that goes away and comes back.
const FOR_AN_OUTAGE: [Candidate; 4] = [
    Candidate {
        name: "edge, nothing else",
        kind: Kind::Edge,
        rules: "@CHECKS@\n    slow_start: 0s\n    panic_below: 1%",
    },
    Candidate { name: "edge", kind: Kind::Edge, rules: "@CHECKS@\n    limit: {in_flight: 64}" },
    Candidate { name: "nginx", kind: Kind::Nginx, rules: "" },
    Candidate { name: "haproxy", kind: Kind::Haproxy, rules: "" },
];

/// A server in front of four endpoints, with clients that are on their way.
struct Scene {
    endpoints: Vec<Endpoint>,
    clients: JoinHandle<Result<Vec<Request>>>,
    begun: Instant,
    _server: Running,
    _folder: TempDir,
}

/// Prints the tables.
pub(crate) fn run(servers: &[Kind], setup: &Setup, options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let takes_part = |candidate: &&Candidate| servers.contains(&candidate.kind);
        for (what, manner) in [
            ("ten times as slow", Manner::Slow(10)),
            ("failing 30 % with 502", Manner::Failing(30)),
            ("accepting and never answering", Manner::Silent),
        ] {
            println!(
                "\none of four endpoints {what}, from 4 s to 16 s of 30 s; {} requests/s of the 1600 that they can do\n",
                options.rate
            );
            println!(
                "{:<32} {:>10} {:>16} {:>16} {:>9} {:>12} {:>12}",
                "server", "its share", "p50/p99 before", "p50/p99 during", "failed", "left out in", "back in"
            );
            for candidate in FOR_ONE_BAD.iter().filter(takes_part) {
                one_bad(candidate, setup, options, manner).await?;
            }
        }
        println!("\nall four endpoints fail 50 % with 502 for 20 s; {} requests/s\n", options.rate);
        println!("{:<32} {:>20} {:>12} {:>18}", "server", "clients' requests", "to endpoints", "of one, failed");
        for candidate in FOR_A_STORM.iter().filter(takes_part) {
            storm(candidate, setup, options).await?;
        }
        println!(
            "\nall four endpoints down from 4 s to 10 s of 25 s, then the first back, each other one 2 s later; {} requests/s\n",
            2 * options.rate
        );
        println!(
            "{:<32} {:<34} {:>12} {:>34} {:>12}",
            "server", "answers while all are down", "back in", "at the first, each 500 ms at first", "most at once"
        );
        for candidate in FOR_AN_OUTAGE.iter().filter(takes_part) {
            outage(candidate, setup, options).await?;
        }
        Ok(())
    })
}

impl Scene {
    async fn begin(candidate: &Candidate, setup: &Setup, rate: u32, time: Duration) -> Result<Self> {
        let mut endpoints = Vec::new();
        for _ in 0..4 {
            endpoints.push(Endpoint::start().await?);
        }
        let folder = tempfile::tempdir()?;
        let [plain, admin] = free_ports()?;
        let file = folder.path().join("server.conf");
        let list = |each: fn(&SocketAddr, usize) -> String, between: &str| {
            let each: Vec<_> = endpoints.iter().enumerate().map(|(at, one)| each(&one.address, at)).collect();
            each.join(between)
        };
        let (command, text) = match candidate.kind {
            Kind::Edge => {
                let mut command = Command::new(&setup.edge);
                command.arg("run").arg(&file);
                let rules = candidate.rules.replace("@PLAIN@", PLAIN).replace("@EJECT@", EJECT);
                let text = include_str!("balance/edge.yaml").replace("@RULES@", &rules.replace("@CHECKS@", CHECKS));
                (command, text.replace("@ENDPOINTS@", &list(|address, _| format!("\"{address}\""), ", ")))
            }
            Kind::Nginx => {
                let mut command = Command::new("/usr/sbin/nginx");
                command.args(["-g", "daemon off;", "-c"]).arg(&file).arg("-p").arg(folder.path());
                let server = |address: &SocketAddr, _| format!("server {address} max_fails=5 fail_timeout=3s;");
                (command, include_str!("balance/nginx.conf").replace("@ENDPOINTS@", &list(server, "\n")))
            }
            Kind::Haproxy => {
                let mut command = Command::new("haproxy");
                command.args(["-db", "-f"]).arg(&file);
                let server = |address: &SocketAddr, at| format!("server s{at} {address}");
                (command, include_str!("balance/haproxy.cfg").replace("@ENDPOINTS@", &list(server, "\n    ")))
            }
        };
        let text = text
            .replace("@PLAIN@", &plain.port().to_string())
            .replace("@ADMIN@", &admin.port().to_string())
            .replace("@FOLDER@", &folder.path().display().to_string());
        fs::write(&file, text)?;
        let log = folder.path().join("server.log");
        let mut server = Running::start(&command, None, &log)?;
        await_listener(&mut server, plain, &log)?;
        let clients = tokio::spawn(clients::run(plain, rate, time));
        Ok(Self { endpoints, clients, begun: Instant::now(), _server: server, _folder: folder })
    }

    async fn until(&self, second: u64) -> Instant {
        tokio::time::sleep_until((self.begun + Duration::from_secs(second)).into()).await;
        Instant::now()
    }
}

async fn one_bad(candidate: &Candidate, setup: &Setup, options: Options, manner: Manner) -> Result<()> {
    let scene = Scene::begin(candidate, setup, options.rate, Duration::from_secs(30)).await?;
    let bad = &scene.endpoints[0];
    let ill = scene.until(4).await;
    bad.behave(manner);
    let well = scene.until(16).await;
    bad.behave(Manner::Well);
    let arrivals: Vec<Vec<Instant>> = {
        scene.until(31).await;
        scene.endpoints.iter().map(Endpoint::arrivals).collect()
    };
    let requests = scene.clients.await??;
    let (before, rest): (Vec<_>, Vec<_>) = requests.into_iter().partition(|request| request.due < ill);
    let during: Vec<_> = rest.into_iter().filter(|request| request.due < well).collect();
    let meanwhile = |at: &[Instant]| at.iter().filter(|at| (ill..well).contains(*at)).count();
    let all: usize = arrivals.iter().map(|at| meanwhile(at)).sum();
    let waits = |requests: &[Request]| format!("{:.0}/{:.0} ms", quantile(requests, 0.5), quantile(requests, 0.99));
    println!(
        "{:<32} {:>8.1} % {:>16} {:>16} {:>7.2} % {:>12} {:>12}",
        candidate.name,
        100.0 * meanwhile(&arrivals[0]) as f64 / all.max(1) as f64,
        waits(&before),
        waits(&during),
        failed(&during),
        left_out(&arrivals[0], ill, well),
        seconds(arrivals[0].iter().find(|at| **at > well).map(|at| *at - well)),
    );
    Ok(())
}

/// From falling ill to the first gap, if there is one.
fn left_out(arrivals: &[Instant], ill: Instant, well: Instant) -> String {
    let within: Vec<_> = arrivals.iter().copied().filter(|at| (ill..well).contains(at)).collect();
    let ends = within.iter().copied().skip(1).chain([well]);
    let before_gap = within.iter().zip(ends).find(|(at, next)| *next - **at >= GAP).map(|(at, _)| *at - ill);
    if within.is_empty() { "at once".to_owned() } else { seconds(before_gap) }
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or("never".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()))
}

async fn storm(candidate: &Candidate, setup: &Setup, options: Options) -> Result<()> {
    let time = Duration::from_secs(20);
    let scene = Scene::begin(candidate, setup, options.rate, time).await?;
    scene.endpoints.iter().for_each(|endpoint| endpoint.behave(Manner::Failing(50)));
    sleep(time + Duration::from_secs(1)).await;
    let arrived: usize = scene.endpoints.iter().map(|endpoint| endpoint.arrivals().len()).sum();
    let requests = scene.clients.await??;
    println!(
        "{:<32} {:>20} {:>12} {:>11.3}, {:>4.1} %",
        candidate.name,
        requests.len(),
        arrived,
        arrived as f64 / requests.len() as f64,
        failed(&requests)
    );
    Ok(())
}

async fn outage(candidate: &Candidate, setup: &Setup, options: Options) -> Result<()> {
    let scene = Scene::begin(candidate, setup, 2 * options.rate, Duration::from_secs(25)).await?;
    let down = scene.until(4).await;
    scene.endpoints.iter().for_each(|endpoint| endpoint.behave(Manner::Down));
    let up = scene.until(10).await;
    let first = &scene.endpoints[0];
    first.most();
    first.behave(Manner::Well);
    for (endpoint, second) in scene.endpoints[1..].iter().zip([12, 14, 16]) {
        scene.until(second).await;
        endpoint.behave(Manner::Well);
    }
    scene.until(26).await;
    let (arrivals, most) = (first.arrivals(), first.most());
    let requests = scene.clients.await??;
    let meanwhile = requests.iter().filter(|request| (down..up).contains(&request.due));
    let mut answers = std::collections::BTreeMap::<_, u32>::new();
    for request in meanwhile {
        *answers.entry(request.status.map_or("none".to_owned(), |status| status.to_string())).or_default() += 1;
    }
    let answers: Vec<_> = answers.into_iter().map(|(status, count)| format!("{status}: {count}")).collect();
    let back = requests.iter().find(|request| request.due > up && request.status == Some(200));
    let begin = arrivals.iter().copied().find(|at| *at > up);
    let half_seconds = begin.map_or_else(Vec::new, |begin| {
        let within = |at: &Instant, n: u32| (n * 500..(n + 1) * 500).contains(&((*at - begin).as_millis() as u32));
        (0..6).map(|n| arrivals.iter().filter(|at| **at >= begin && within(at, n)).count().to_string()).collect()
    });
    println!(
        "{:<32} {:<34} {:>12} {:>34} {:>12}",
        candidate.name,
        answers.join(", "),
        seconds(back.map(|request| request.due - up)),
        half_seconds.join(" "),
        most
    );
    Ok(())
}
