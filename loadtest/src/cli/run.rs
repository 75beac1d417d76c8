//! One run from its arguments to its verdict.

use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{mpsc, watch};

use super::{Http, RunArgs, check_volume};
use crate::arrival::Arrivals;
use crate::driver::{self, Assignment, Connector, Journal, Outcome, Protocol, Pulse};
use crate::report::{Progress, Report, Setting};
use crate::scenario::Scenario;
use crate::target::Target;
use crate::verdict::{Conduct, Verdict, judge};

/// File descriptors beside those of connections: standard streams, timers, files.
const OTHER_FILES: u64 = 32;

/// Runs, prints the report, and judges.
pub(super) fn run(args: RunArgs) -> anyhow::Result<Verdict> {
    check_volume(args.rate, args.duration.0)?;
    let scenario = Scenario::load(&args.scenario)?;
    let target = Target::resolve(&args.target, args.allow_remote)?;
    anyhow::ensure!(target.tls || args.ca.is_none(), "--ca has no meaning for {}, which speaks no tls", args.target);
    let protocol = match args.http {
        Http::Auto => None,
        Http::Only(protocol) => Some(protocol),
    };
    let connector = Connector::new(target, protocol, args.ca.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(conduct(args, scenario, connector))
}

async fn conduct(args: RunArgs, mut scenario: Scenario, mut connector: Connector) -> anyhow::Result<Verdict> {
    let protocol = driver::preflight(&mut connector, &mut scenario).await.with_context(|| args.target.clone())?;
    let connections = usize::from(args.connections.unwrap_or(match protocol {
        Protocol::Http1 => 256,
        Protocol::Http2 => 8,
    }));
    check_files(connections)?;
    let journal = open_journal(args.journal.as_deref(), &scenario)?;
    // Before the load rather than after it: a wrong path must not cost a run.
    let json = args.json.as_deref().map(|path| create(path).map(|file| (path, file))).transpose()?;
    let scenario = Arc::new(scenario);
    let setting = Setting {
        target: args.target,
        protocol,
        connections,
        arrival: args.arrival,
        rate: args.rate,
        duration: args.duration.0,
        seed: args.seed,
    };
    println!("{}", setting.headline(&scenario));
    let outcome = drive(Assignment {
        scenario: scenario.clone(),
        connector,
        protocol,
        arrivals: Arrivals::new(args.arrival, args.rate, args.duration.0, args.seed),
        duration: args.duration.0,
        connections,
        seed: args.seed,
        journal,
    })
    .await?;
    let total = outcome.measured.total();
    let interactions: Vec<_> =
        scenario.interactions.iter().map(String::as_str).zip(&outcome.measured.interactions).collect();
    let conduct = Conduct { interrupted: outcome.interrupted, cpu: outcome.effort.cpu };
    let verdict = judge(scenario.slo, &interactions, &total, conduct);
    let report = Report { setting, scenario: &scenario, outcome: &outcome, interactions, total, verdict: &verdict };
    println!("{}", report.text());
    if let Some((path, file)) = json {
        serde_json::to_writer_pretty(file, &report.json()).with_context(|| format!("report {}", path.display()))?;
    }
    Ok(verdict)
}

/// Lets a worker do the assignment, shows its progress, and passes on the wish to end early.
async fn drive(assignment: Assignment) -> anyhow::Result<Outcome> {
    let (stop, stopped) = watch::channel(false);
    let (pulses, mut coming) = mpsc::unbounded_channel::<Pulse>();
    let mut progress = Progress::new(std::io::stderr().is_terminal());
    let worker = driver::start(assignment, stopped, pulses)?;
    let mut interrupts = 0;
    loop {
        tokio::select! {
            pulse = coming.recv() => match pulse {
                Some(pulse) => progress.show(&pulse),
                None => break,
            },
            interrupt = tokio::signal::ctrl_c() => {
                interrupt?;
                interrupts += 1;
                anyhow::ensure!(interrupts == 1, "ended at once, without a report");
                stop.send_replace(true);
            }
        }
    }
    progress.finish();
    let outcome = worker.join().map_err(|_panic| anyhow::anyhow!("the worker panicked"))?;
    outcome.context("the run broke off")
}

fn check_files(connections: usize) -> anyhow::Result<()> {
    let needed = connections as u64 + OTHER_FILES;
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    anyhow::ensure!(
        needed <= allowed,
        "{connections} connections need {needed} open files, {allowed} are allowed; hint: ulimit -n {needed}"
    );
    Ok(())
}

fn open_journal(path: Option<&Path>, scenario: &Scenario) -> anyhow::Result<Option<Journal>> {
    let Some(path) = path else { return Ok(None) };
    anyhow::ensure!(scenario.keeps_journal(), "scenario {} has nothing to write to a journal", scenario.name);
    Ok(Some(Journal::new(create(path)?)))
}

fn create(path: &Path) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("file {} cannot be written", path.display()))
}
