//! Ten thousand connections that have asked once and are silent since: what each costs.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::{
    client::{self, Client},
    frames::{END_HEADERS, END_STREAM, HEADERS, frame, request},
};
use crate::{bed::Server, prober::Prober};

/// Clients that connect at the same time.
const THREADS: usize = 8;
/// How long others are watched while all are there.
const WATCHED: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints a line for connections that have asked over HTTP/1.1.
pub(super) fn http1(server: &Server, connections: usize) -> Result<()> {
    line(server, "idle, HTTP/1.1", connections, || {
        let mut client = TcpStream::connect_timeout(&server.plain, PATIENCE)?;
        client.set_read_timeout(Some(PATIENCE))?;
        client.write_all(b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let (mut answer, mut chunk) = (0, [0; 4096]);
        // A header and 1 KiB.
        while answer < 1100 {
            match client.read(&mut chunk)? {
                0 => bail!("closed"),
                read => answer += read,
            }
        }
        Ok(client)
    })
}

/// Prints a line for connections that have asked over HTTP/2 and TLS.
pub(super) fn http2(server: &Server, connections: usize) -> Result<()> {
    let tls = client::tls(&server.authority())?;
    line(server, "idle, TLS, HTTP/2", connections, || {
        let mut client = Client::connect(server.secure, &tls, &[])?;
        let mut asks = Vec::new();
        frame(&mut asks, HEADERS, END_STREAM | END_HEADERS, 1, &request("GET", "/small"));
        client.write(&asks).ok().context("closed at once")?;
        while !client.is_answered {
            client.read(PATIENCE).ok().context("no answer")?;
        }
        Ok(client)
    })
}

fn line<C: Send>(server: &Server, name: &str, connections: usize, open: impl Fn() -> Result<C> + Sync) -> Result<()> {
    let others = Prober::run(server.plain, WATCHED);
    let before = server.usage();
    let held: Vec<C> = thread::scope(|scope| {
        let opened: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| (0..connections / THREADS).filter_map(|_| open().ok()).collect::<Vec<_>>()))
            .collect();
        opened.into_iter().flat_map(|opened| opened.join().expect("no client panics")).collect()
    });
    let opened = server.usage();
    let meanwhile = Prober::run(server.plain, WATCHED);
    let idle = server.usage();
    println!(
        "{name:<32} {:<8} {:>6} held: {:>6.1} KiB each ({:.0} -> {:.0} MiB); {:.2} ms of CPU to open each, {:.1}% of a CPU while idle; others {} -> {}",
        server.kind,
        held.len(),
        idle.memory.saturating_sub(before.memory) as f64 / 1024.0 / held.len() as f64,
        before.memory as f64 / 1048576.0,
        idle.memory as f64 / 1048576.0,
        (opened.cpu - before.cpu).as_secs_f64() * 1000.0 / held.len() as f64,
        (idle.cpu - opened.cpu).as_secs_f64() * 100.0 / WATCHED.as_secs_f64(),
        others.text(),
        meanwhile.text(),
    );
    Ok(())
}
