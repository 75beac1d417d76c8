//! The access log: one JSON object a line, written by a thread of its own.
//!
//! A request never waits for the sink: lines go through a bounded queue, and what does not fit is dropped and counted.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use config::model::{self, LogTarget};
use serde::Serialize;

/// Lines that may wait for the sink; about 8 MB at 500 bytes a line.
const QUEUE: usize = 16 * 1024;

/// One request, as it is logged. Times are in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    /// When the request header was read (RFC 3339).
    pub(crate) time: String,
    pub(crate) id: &'a str,
    pub(crate) client: Option<IpAddr>,
    pub(crate) listener: &'a str,
    pub(crate) protocol: &'a str,
    pub(crate) method: &'a str,
    pub(crate) host: Option<&'a str>,
    pub(crate) path: Option<&'a str>,
    pub(crate) query: Option<&'a str>,
    /// `None` if the client left before it had an answer.
    pub(crate) status: Option<u16>,
    pub(crate) bytes: usize,
    pub(crate) duration_ms: f64,
    pub(crate) route: Option<&'a str>,
    pub(crate) class: Option<&'a str>,
    pub(crate) cache: Option<&'static str>,
    pub(crate) endpoint: Option<String>,
    pub(crate) tries: usize,
    /// Why the edge refused, if it did.
    pub(crate) refusal: Option<&'static str>,
    pub(crate) error: Option<String>,
    pub(crate) user_agent: Option<&'a str>,
}

/// A sink with its queue and thread. When it is dropped, the thread writes what is queued and ends by itself.
#[derive(Debug)]
pub(crate) struct AccessLog {
    /// What it was opened from.
    pub(crate) model: model::AccessLog,
    queue: Option<SyncSender<Entry>>,
    dropped: Arc<AtomicU64>,
}

impl AccessLog {
    /// Opens the sink. `dropped` goes on counting over reloads.
    pub(crate) fn open(model: &model::AccessLog, dropped: Arc<AtomicU64>) -> io::Result<Self> {
        let sink: Box<dyn Write + Send> = match &model.to {
            LogTarget::Off => return Ok(Self { model: model.clone(), queue: None, dropped }),
            LogTarget::Stdout => Box::new(io::stdout()),
            LogTarget::File(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
        };
        let (queue, lines) = sync_channel(QUEUE);
        let lost = Arc::clone(&dropped);
        std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write_lines(&lines, BufWriter::with_capacity(64 * 1024, sink), &lost))?;
        Ok(Self { model: model.clone(), queue: Some(queue), dropped })
    }

    /// Whether a request is logged; `random` is uniform over all values. What went wrong always is.
    pub(crate) fn takes(&self, random: u32, went_wrong: bool) -> bool {
        let sampled = f64::from(random) < self.model.sample.fraction() * (f64::from(u32::MAX) + 1.0);
        self.queue.is_some() && (went_wrong || sampled)
    }

    /// Queues a line.
    pub(crate) fn write(&self, line: &Line<'_>) {
        let Some(queue) = &self.queue else { return };
        let mut bytes = Vec::with_capacity(512);
        if serde_json::to_writer(&mut bytes, line).is_err() {
            return;
        }
        bytes.push(b'\n');
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = queue.try_send(Entry::Line(bytes)) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything queued so far is written, but not for longer than `limit`.
    pub(crate) fn flush(&self, limit: Duration) {
        let (written, done) = sync_channel(1);
        if let Some(queue) = &self.queue
            && queue.send(Entry::Flush(written)).is_ok()
            && done.recv_timeout(limit).is_err()
        {
            tracing::warn!("the access log was not written to its end");
        }
    }

    /// Lines lost so far: the queue was full, or the sink failed.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The counter itself, for the log that follows this one.
    pub(crate) fn dropped_counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.dropped)
    }
}

/// What goes through the queue.
#[derive(Debug)]
enum Entry {
    Line(Vec<u8>),
    /// Tell this one when everything before it is written.
    Flush(SyncSender<()>),
}

/// Writes until the queue is closed; flushes whenever it runs empty. A sink that fails loses lines, never the thread.
fn write_lines(entries: &Receiver<Entry>, mut sink: BufWriter<Box<dyn Write + Send>>, dropped: &AtomicU64) {
    while let Ok(first) = entries.recv() {
        let mut lost = 0;
        let mut waiting = Vec::new();
        for entry in std::iter::once(first).chain(entries.try_iter()) {
            match entry {
                Entry::Line(line) => lost += u64::from(sink.write_all(&line).is_err()),
                Entry::Flush(written) => waiting.push(written),
            }
        }
        lost += u64::from(sink.flush().is_err());
        dropped.fetch_add(lost, Ordering::Relaxed);
        for written in waiting {
            written.try_send(()).ok(); // it may have stopped waiting
        }
    }
}

#[cfg(test)]
mod tests {
    use config::model::Percent;

    use super::*;

    #[test]
    fn a_flush_waits_until_the_lines_are_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let model = model::AccessLog { to: LogTarget::File(path.clone()), sample: Percent::ALL };
        let log = AccessLog::open(&model, Arc::default()).unwrap();
        for id in ["a", "b"] {
            log.write(&line(id));
        }
        log.flush(Duration::from_secs(10));
        let text = std::fs::read_to_string(path).unwrap();
        let ids: Vec<_> =
            text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["id"].clone()).collect();
        assert_eq!(ids, ["a", "b"]);
    }

    #[test]
    fn sampling_never_hides_what_went_wrong() {
        let sample = Percent::from_basis_points(5_000).unwrap();
        let log = AccessLog {
            model: model::AccessLog { to: LogTarget::Stdout, sample },
            queue: Some(sync_channel(1).0),
            dropped: Arc::default(),
        };
        assert!(log.takes(0, false) && !log.takes(u32::MAX, false) && log.takes(u32::MAX, true));
        log.write(&line("lost"));
        assert_eq!(log.dropped(), 1, "nobody reads the queue");
    }

    fn line(id: &str) -> Line<'_> {
        Line {
            time: String::new(),
            id,
            client: None,
            listener: "plain",
            protocol: "HTTP/1.1",
            method: "GET",
            host: None,
            path: None,
            query: None,
            status: Some(200),
            bytes: 0,
            duration_ms: 0.0,
            route: None,
            class: None,
            cache: None,
            endpoint: None,
            tries: 0,
            refusal: None,
            error: None,
            user_agent: None,
        }
    }
}
