//! An origin that reads generously, as the worst of them would, and remembers how much of a request came.

use std::{
    fmt,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::Result;

/// After this long without news of a case there will be none: it is one machine.
const QUIET: Duration = Duration::from_millis(40);

/// What came of one case.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) complete: usize,
    unfinished: bool,
    /// The connection with the unfinished request was not closed.
    pub(crate) left_open: bool,
}

impl fmt::Display for Seen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.complete, self.unfinished) {
            (0, false) => out.write_str("-"),
            (0, true) if self.left_open => out.write_str("unfinished, open"),
            (0, true) => out.write_str("unfinished"),
            (1, _) => out.write_str("complete"),
            (complete, _) => write!(out, "complete x{complete}"),
        }
    }
}

/// What the connections of the present case have brought.
#[derive(Debug, Default)]
struct Record {
    /// Its number.
    case: usize,
    complete: usize,
    /// Connections in the middle of a request.
    unfinished: usize,
    /// Of those, the ones that have ended since.
    ended: usize,
    /// Grows with each byte, and with each end.
    news: usize,
}

/// The origin; its threads end with the process.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

impl Recorder {
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let record: Arc<Mutex<Record>> = Arc::default();
        let shared = Arc::clone(&record);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let record = Arc::clone(&shared);
                thread::spawn(move || serve(connection, &record));
            }
        });
        Ok(Self { address, record })
    }

    /// What came since the last time. Waits until no more comes, and a while for unfinished requests to be given up.
    pub(crate) fn take(&self, patience: Duration) -> Seen {
        let end = Instant::now() + patience;
        let mut news = usize::MAX;
        loop {
            let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
            let all_ended = record.ended >= record.unfinished;
            if record.news == news && (all_ended || Instant::now() > end) {
                let seen = Seen { complete: record.complete, unfinished: record.unfinished > 0, left_open: !all_ended };
                *record = Record { case: record.case + 1, ..Record::default() };
                return seen;
            }
            news = record.news;
            drop(record);
            sleep(QUIET);
        }
    }
}

fn serve(mut connection: TcpStream, record: &Mutex<Record>) {
    let lock = || record.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut bytes, mut chunk) = (Vec::new(), [0; 65536]);
    // The case that left this connection in the middle of a request.
    let mut unfinished = None;
    while let Ok(read @ 1..) = connection.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..read]);
        let mut record = lock();
        record.news += 1;
        while let Some(length) = first_request(&bytes) {
            bytes.drain(..length);
            record.complete += 1;
            record.unfinished -= usize::from(unfinished.take() == Some(record.case));
            if connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
        if !bytes.is_empty() && unfinished != Some(record.case) {
            unfinished = Some(record.case);
            record.unfinished += 1;
        }
    }
    let mut record = lock();
    record.news += 1;
    record.ended += usize::from(unfinished == Some(record.case));
}

/// Length of the request that stands at the beginning, once all of it is there.
fn first_request(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut body = Body::Length(0);
    loop {
        let line = line(bytes, &mut at)?;
        if line.is_empty() && at > 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "transfer-encoding" if value.contains("chunked") => body = Body::Chunks,
            "content-length" if !matches!(body, Body::Chunks) => body = Body::Length(value.parse().unwrap_or_default()),
            _ => {}
        }
    }
    match body {
        Body::Length(length) => at.checked_add(length).filter(|end| *end <= bytes.len()),
        Body::Chunks => end_of_chunks(bytes, at),
    }
}

enum Body {
    Length(usize),
    Chunks,
}

fn end_of_chunks(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let size = line(bytes, &mut at)?;
        let digits: String = size.trim().chars().take_while(char::is_ascii_hexdigit).collect();
        let size = usize::from_str_radix(&digits, 16).ok()?;
        if size == 0 {
            while !line(bytes, &mut at)?.is_empty() {}
            return Some(at);
        }
        at = at.checked_add(size).filter(|end| *end < bytes.len())?;
        line(bytes, &mut at)?;
    }
}

/// The line at a place, without its end, and the place moved behind it.
fn line(bytes: &[u8], at: &mut usize) -> Option<String> {
    let rest = bytes.get(*at..)?;
    let length = rest.iter().position(|byte| *byte == b'\n')?;
    *at += length + 1;
    Some(String::from_utf8_lossy(&rest[..length]).trim_end_matches('\r').to_owned())
}
