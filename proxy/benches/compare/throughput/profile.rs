//! Where the time of a request goes: system calls by strace(1), functions by perf(1). Both see everything the server does
//! for a known number of requests.

use std::{
    fs,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;

use super::{Load, h2load, wrk};
use crate::bed::Server;

#[derive(Args, Clone, Copy)]
pub(crate) struct Options {
    /// Requests of which the system calls are counted.
    #[arg(long, default_value_t = 20_000)]
    requests: u32,
}

/// What strace and perf need to attach.
const ATTACH: Duration = Duration::from_millis(500);

pub(super) fn run(servers: &[Server], processors: &str, options: Options) -> Result<()> {
    println!("system calls of each request, of {} on 16 connections", options.requests);
    for load in [Load::Plain, Load::TlsHttp1, Load::TlsHttp2] {
        println!("\n{load}");
        for server in servers {
            println!("  {:<8} {}", server.kind, system_calls(load, server, processors, options.requests)?);
        }
    }
    println!("\nfunctions, {}: share of 5 s of processor time", Load::Plain);
    for server in servers {
        println!("\n{}", server.kind);
        for line in functions(server, processors)? {
            println!("  {line}");
        }
    }
    Ok(())
}

/// How many in all, and which most.
fn system_calls(load: Load, server: &Server, processors: &str, requests: u32) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("calls");
    let mut strace = Command::new("strace");
    strace.args(["-c", "-f", "-U", "name,calls", "-S", "calls", "-o"]).arg(&file);
    for pid in server.pids() {
        strace.args(["-p", &pid.to_string()]);
    }
    let tracing = attach(&mut strace)?;
    let (count, streams, url) =
        (requests.to_string(), if load == Load::TlsHttp2 { "4" } else { "1" }, load.url(server));
    let mut arguments = vec!["-n", &count, "-c", "16", "-m", streams, &url];
    if load != Load::TlsHttp2 {
        arguments.push("--h1");
    }
    h2load(processors, &arguments)?;
    detach(tracing)?;
    // Lines of a name and a number; the last is "total" and all of them.
    let text = fs::read_to_string(&file)?;
    let mut calls: Vec<(&str, f64)> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?.parse::<f64>().ok()? / f64::from(requests)))
        })
        .collect();
    calls.sort_unstable_by(|one, other| other.1.total_cmp(&one.1));
    let most: Vec<_> = calls.iter().take(8).map(|(name, number)| format!("{name} {number:.2}")).collect();
    Ok(most.join(", "))
}

/// The functions that take most.
fn functions(server: &Server, processors: &str) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("samples");
    let pids: Vec<_> = server.pids().iter().map(u32::to_string).collect();
    let mut perf = Command::new("perf");
    // The clock rather than a counter of cycles, which virtual machines often lack.
    perf.args(["record", "-q", "-e", "cpu-clock", "-F", "997", "-p", &pids.join(","), "-o"]).arg(&file);
    let sampling = attach(&mut perf)?;
    wrk(processors, 5, &Load::Plain.url(server))?;
    detach(sampling)?;
    let mut lines = Vec::new();
    for (sort, most) in [("dso", 6), ("dso,symbol", 30)] {
        let report = Command::new("perf")
            .args(["report", "--stdio", "-q", "--percent-limit", "0.7", "-F", &format!("overhead,{sort}"), "-i"])
            .arg(&file)
            .output()?;
        let report = String::from_utf8_lossy(&report.stdout).into_owned();
        lines.extend(report.lines().map(str::trim).filter(|line| !line.is_empty()).take(most).map(str::to_owned));
    }
    Ok(lines)
}

fn attach(command: &mut Command) -> Result<Child> {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.with_context(|| format!("cannot start {command:?}"))?;
    sleep(ATTACH);
    Ok(child)
}

/// Both write what they have when they are interrupted.
fn detach(mut child: Child) -> Result<()> {
    Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    child.wait()?;
    Ok(())
}
