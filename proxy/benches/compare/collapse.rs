//! Very many clients that ask at once for one object that is not stored yet: how often the origin is asked, how long the
//! last client waits for its first byte, and what memory that takes.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use socket2::{Domain, Socket, Type};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Barrier,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    bed::{Kind, Server, Setup},
    usage,
};

#[derive(Args, Clone, Copy)]
pub(crate) struct Options {
    /// Clients, each on a connection of its own.
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// Bytes of the object.
    #[arg(long, default_value_t = 5 << 20)]
    bytes: usize,
    /// Milliseconds that the origin takes for each sixteenth of the object.
    #[arg(long, default_value_t = 50)]
    pace: u64,
}

const PIECES: usize = 16;
/// A client that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(240);
/// What the kernel may hold for a client that has not read it, so that thousands fit into the machine.
const RECEIVE_BUFFER: u32 = 64 << 10;
/// Connections that are being opened at a time: less than a server's backlog.
const OPENING: usize = 200;

/// Prints the table.
pub(crate) fn run(servers: &[Kind], setup: &Setup, options: Options) -> Result<()> {
    let Options { clients, bytes, .. } = options;
    println!("{clients} clients, one object of {bytes} bytes\n");
    println!(
        "{:<8} {:>8} {:>12} {:>12} {:>12} {:>12} {:>14} {:>8}",
        "server", "asked", "first byte", "p99", "last client", "whole", "memory before", "peak"
    );
    for kind in servers {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        runtime.block_on(one(*kind, setup, options)).with_context(|| format!("{kind}"))?;
    }
    Ok(())
}

async fn one(kind: Kind, setup: &Setup, options: Options) -> Result<()> {
    let asked = Arc::new(AtomicUsize::new(0));
    let origin = origin(options, Arc::clone(&asked)).await?;
    let setup = Setup { requests_per_connection: 1000, ..setup.clone() };
    let server = tokio::task::spawn_blocking(move || Server::start(kind, origin, &setup)).await??;
    // A connection each that waits, so that only the requests come at once.
    let ready = Arc::new(Barrier::new(options.clients + 1));
    let opening = Arc::new(tokio::sync::Semaphore::new(OPENING));
    let mut clients = JoinSet::new();
    for _ in 0..options.clients {
        let (ready, opening) = (Arc::clone(&ready), Arc::clone(&opening));
        clients.spawn(timeout(PATIENCE, client(server.plain, options.bytes, ready, opening)));
    }
    ready.wait().await;
    let began = Instant::now();
    let before = server.usage().memory;
    let pids = server.pids();
    let watch = tokio::spawn(async move {
        let mut peak = 0;
        loop {
            peak = usage::of(&pids).memory.max(peak);
            PEAK.store(usize::try_from(peak).unwrap_or(usize::MAX), Ordering::Relaxed);
            sleep(Duration::from_millis(50)).await;
        }
    });
    let (mut firsts, mut failed, mut last) = (Vec::new(), Vec::new(), Duration::ZERO);
    while let Some(done) = clients.join_next().await {
        match done? {
            Ok(Ok((first, end))) => {
                firsts.push(first.duration_since(began));
                last = last.max(end.duration_since(began));
            }
            Ok(Err(error)) => failed.push(format!("{error:#}")),
            Err(_elapsed) => failed.push(format!("nothing within {PATIENCE:?}")),
        }
    }
    watch.abort();
    firsts.sort_unstable();
    let at = |share: f64| firsts.get(((firsts.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or_default();
    println!(
        "{kind:<8} {:>8} {:>12.0?} {:>12.0?} {:>12.0?} {:>12.0?} {:>10} MiB {:>4} MiB{}",
        asked.load(Ordering::Relaxed),
        at(0.0),
        at(0.99),
        at(1.0),
        last,
        before >> 20,
        PEAK.swap(0, Ordering::Relaxed) >> 20,
        failed.first().map(|why| format!("   {} had no whole answer: {why}", failed.len())).unwrap_or_default()
    );
    Ok(())
}

/// The most that the server held, seen while it ran.
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// One client: the time of its first byte, and of its last.
async fn client(
    server: SocketAddr,
    bytes: usize,
    ready: Arc<Barrier>,
    opening: Arc<tokio::sync::Semaphore>,
) -> Result<(Instant, Instant)> {
    let opened = async {
        let _place = opening.acquire().await?;
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        anyhow::Ok(socket.connect(server).await?)
    };
    let opened = opened.await;
    ready.wait().await;
    let mut tcp = opened?;
    tcp.write_all(b"GET /cached/large HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let mut buffer = vec![0; 16 << 10];
    let mut read = tcp.read(&mut buffer).await?;
    let first = Instant::now();
    if !buffer[..read].starts_with(b"HTTP/1.1 200") {
        bail!("{}", String::from_utf8_lossy(&buffer[..read.min(80)]));
    }
    let head = buffer[..read].windows(4).position(|four| four == b"\r\n\r\n").context("a header in pieces")? + 4;
    let chunked = buffer[..head].to_ascii_lowercase().windows(7).any(|seven| seven == b"chunked");
    let mut body = read - head;
    // Chunks add some bytes of their own; their end is the last chunk.
    while body < bytes || (chunked && !buffer[..read].ends_with(b"0\r\n\r\n")) {
        read = tcp.read(&mut buffer).await?;
        if read == 0 {
            bail!("ended after {body} bytes");
        }
        body += read;
    }
    Ok((first, Instant::now()))
}

/// Answers everything with the object, a piece at a time.
async fn origin(options: Options, asked: Arc<AtomicUsize>) -> Result<SocketAddr> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(4096)?;
    let listener = TcpListener::from_std(socket.into())?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(answer(tcp, options, Arc::clone(&asked)));
        }
    });
    Ok(address)
}

async fn answer(mut tcp: TcpStream, options: Options, asked: Arc<AtomicUsize>) -> io::Result<()> {
    let mut bytes = Vec::new();
    let piece = vec![b'o'; options.bytes / PIECES];
    while tcp.read_buf(&mut bytes).await? > 0 {
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            bytes.drain(..end + 4);
            asked.fetch_add(1, Ordering::Relaxed);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nCache-Control: max-age=600\r\n\r\n",
                piece.len() * PIECES
            );
            tcp.write_all(head.as_bytes()).await?;
            for _ in 0..PIECES {
                sleep(Duration::from_millis(options.pace)).await;
                tcp.write_all(&piece).await?;
            }
        }
    }
    Ok(())
}
