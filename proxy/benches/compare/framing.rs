//! Requests that can be read in two ways, sent to each server: what it answers, and what the origin behind it sees.

use std::{
    fmt,
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::bed::{Kind, Server, Setup};

mod origin;
#[path = "../../tests/it/malformed.rs"]
mod malformed;

use malformed::{CASES, Case};
use origin::{Recorder, Seen};

/// How long a client waits for an answer. Some cases are the beginning of something, and a server may wait for more.
const PATIENCE: Duration = Duration::from_secs(2);

/// What became of a case.
struct Outcome {
    answer: Answer,
    seen: Seen,
}

/// What the client got.
enum Answer {
    Status(u16),
    /// Bytes without a status line, as of HTTP/0.9 or HTTP/2.
    Bare,
    /// The connection's end and nothing before.
    Closed,
    /// Nothing, within [`PATIENCE`].
    Silence,
}

impl Outcome {
    fn is_refused(&self) -> bool {
        self.seen.complete == 0
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = match self.answer {
            Answer::Status(status) => status.to_string(),
            Answer::Bare => "other".to_owned(),
            Answer::Closed => "closed".to_owned(),
            Answer::Silence => "waits".to_owned(),
        };
        out.pad(&format!("{answer} {}", self.seen))
    }
}

/// Prints the table.
pub(crate) fn run(servers: &[Kind], setup: &Setup) -> Result<()> {
    // Each server alone with its origin, all at once: they mostly wait.
    let columns: Vec<Vec<Outcome>> = thread::scope(|scope| {
        let tried: Vec<_> = servers.iter().map(|kind| scope.spawn(|| try_all(*kind, setup))).collect();
        tried.into_iter().map(|column| column.join().expect("no case panics")).collect::<Result<_>>()
    })?;

    println!("status, and what the origin saw of it: nothing (-), an unfinished request, or complete ones\n");
    print!("{:<42} {:>6}", "case", "wanted");
    servers.iter().for_each(|kind| print!("  {kind:<20}"));
    println!();
    for (at, case) in CASES.iter().enumerate() {
        print!("{:<42} {:>6}", case.name, case.status);
        columns.iter().for_each(|column| print!("  {:<20}", column[at]));
        println!();
    }
    println!();
    for (kind, column) in servers.iter().zip(&columns) {
        let count = |which: &dyn Fn(&Outcome, &Case) -> bool| {
            column.iter().zip(CASES).filter(|(outcome, case)| which(outcome, case)).count()
        };
        println!(
            "{kind:<8} never a complete request at the origin: {} of {}; the wanted status: {}; origin connections left open in the middle of a request: {}",
            count(&|outcome, _| outcome.is_refused()),
            CASES.len(),
            count(&|outcome, case| matches!(outcome.answer, Answer::Status(status) if status == case.status)),
            count(&|outcome, _| outcome.seen.left_open),
        );
    }
    Ok(())
}

fn try_all(kind: Kind, setup: &Setup) -> Result<Vec<Outcome>> {
    let recorder = Recorder::start()?;
    let server = Server::start(kind, recorder.address, setup)?;
    CASES
        .iter()
        .map(|case| {
            let (client, answer) = ask(server.plain, &case.sent.bytes())?;
            let seen = recorder.take(PATIENCE);
            drop(client);
            Ok(Outcome { answer, seen })
        })
        .collect()
}

/// Sends bytes and waits for the beginning of an answer; the connection stays open.
fn ask(server: SocketAddr, bytes: &[u8]) -> Result<(TcpStream, Answer)> {
    let mut client = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(PATIENCE))?;
    // A server that refuses early may close before it has read everything; its answer counts.
    client.write_all(bytes).ok();
    let (mut answer, mut chunk, end) = (Vec::new(), [0; 4096], Instant::now() + PATIENCE);
    loop {
        match client.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&chunk[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok((client, status(&answer).unwrap_or(Answer::Silence)));
            }
            Err(_) => break,
        }
        if let Some(status @ Answer::Status(_)) = status(&answer) {
            return Ok((client, status));
        }
        if Instant::now() > end {
            break;
        }
    }
    Ok((client, status(&answer).unwrap_or(Answer::Closed)))
}

/// What the bytes of an answer say; `None` of no bytes.
fn status(answer: &[u8]) -> Option<Answer> {
    let is_http = answer.starts_with(b"HTTP/1.");
    let digits = answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    match digits {
        _ if answer.is_empty() => None,
        Some(status) if is_http => Some(Answer::Status(status)),
        _ => Some(Answer::Bare),
    }
}
