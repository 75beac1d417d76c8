//! The access log: one JSON object a line, written by a thread of its own.
//!
//! A request never waits for the sink: lines are gathered in bounded memory, and what does not fit is dropped and counted.

use std::{
    fs::File,
    io::{self, Write},
    net::IpAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    time::Duration,
};

use config::model::{self, LogTarget, Percent};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use serde::Serialize;
use tokio::sync::oneshot;

mod gather;
mod moment;

use gather::{Dropped, Gathered, Order, WAITING_MAX, write_lines};
pub(crate) use moment::Moment;

/// Orders that may wait for the log's thread; each but a few says only that there is something to write.
const ORDERS: usize = 64;
/// What a client sent is logged up to this length.
const TEXT_MAX: usize = 1024;

/// The beginning of a text, as much of it as is logged.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_MAX)]
}

/// One request, as it is logged. Times are in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    /// When the request header was read (RFC 3339).
    pub(crate) time: Moment,
    pub(crate) id: &'a str,
    /// The trace that it belongs to (W3C Trace Context); `None` if its header was not read.
    pub(crate) trace: Option<String>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) listener: &'a str,
    pub(crate) protocol: &'a str,
    /// `None` where no TLS is spoken.
    pub(crate) tls: Option<TlsOf<'a>>,
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
    pub(crate) pool: Option<&'a str>,
    pub(crate) cache: Option<&'static str>,
    pub(crate) endpoint: Option<String>,
    pub(crate) tries: usize,
    /// Why the edge refused, if it did.
    pub(crate) refusal: Option<&'static str>,
    pub(crate) error: Option<String>,
    pub(crate) user_agent: Option<&'a str>,
}

/// What the handshake of a request's connection has settled.
#[derive(Debug, Serialize)]
pub(crate) struct TlsOf<'a> {
    pub(crate) version: &'a str,
    pub(crate) cipher: &'a str,
    pub(crate) resumed: bool,
    /// The server that the client asked for.
    pub(crate) sni: Option<&'a str>,
    /// Whom the client has proven to be, and the SHA-256 of its certificate.
    pub(crate) client: Option<&'a str>,
    pub(crate) client_sha256: Option<&'a str>,
}

/// A sink with its thread. When it is dropped, the thread writes what is gathered and ends by itself.
#[derive(Debug)]
pub(crate) struct AccessLog {
    to: LogTarget,
    sample: Percent,
    writer: Option<Writer>,
    dropped: Arc<AtomicU64>,
}

/// The way to the log's thread.
#[derive(Clone, Debug)]
struct Writer {
    gathered: Arc<Gathered>,
    orders: SyncSender<Order>,
}

/// Opens a file to append to. A pipe that nobody reads is an error, not something to wait for; once open, writing to it
/// may wait, which only the log's own thread does.
fn append_to(path: &Path) -> io::Result<File> {
    let how = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = File::from(open(path, how, Mode::from_raw_mode(0o666))?);
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    Ok(file)
}

impl AccessLog {
    /// Opens the sink. Where `previous` writes to the same place, its thread goes on with the newly opened sink, so that
    /// a file can be rotated, and what is still in flight under the previous configuration keeps its lines.
    pub(crate) fn open(model: &model::AccessLog, previous: Option<&Self>) -> io::Result<Self> {
        let sink: Option<Box<dyn Write + Send>> = match &model.to {
            LogTarget::Off => None,
            LogTarget::Stdout => Some(Box::new(io::stdout())),
            LogTarget::File(path) => Some(Box::new(append_to(path)?)),
        };
        let dropped = previous.map(|previous| Arc::clone(&previous.dropped)).unwrap_or_default();
        let same = previous.filter(|previous| previous.to == model.to).and_then(|previous| previous.writer.clone());
        let writer = match (sink, same) {
            (None, _) => None,
            (Some(sink), Some(writer)) => {
                // If there is no room for orders, the sink is stuck, and the old one is as good as the new.
                writer.orders.try_send(Order::Sink(sink)).ok();
                Some(writer)
            }
            (Some(sink), None) => {
                let (orders, taken) = sync_channel(ORDERS);
                let gathered = Arc::new(Gathered::new(WAITING_MAX));
                let (lines, lost) = (Arc::clone(&gathered), Arc::clone(&dropped));
                let count = move |lines| _ = lost.fetch_add(lines, Ordering::Relaxed);
                std::thread::Builder::new()
                    .name("access-log".to_owned())
                    .spawn(move || write_lines(&taken, &lines, sink, count))?;
                Some(Writer { gathered, orders })
            }
        };
        Ok(Self { to: model.to.clone(), sample: model.sample, writer, dropped })
    }

    /// Whether a request is logged; `random` is uniform over all values. What went wrong always is.
    pub(crate) fn takes(&self, random: u32, went_wrong: bool) -> bool {
        self.writer.is_some() && (went_wrong || self.sample.takes(random))
    }

    /// Has a line written, with others.
    pub(crate) fn write(&self, line: &Line<'_>) {
        let Some(writer) = &self.writer else { return };
        match writer.gathered.add(|lines| serde_json::to_writer(lines, line).is_ok()) {
            // Without room for one more, the thread has orders enough.
            Ok(Some(order)) => drop(writer.orders.try_send(order)),
            Ok(None) => {}
            Err(Dropped) => _ = self.dropped.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Waits until everything gathered so far is written.
    pub(crate) async fn flush(&self) {
        let Some(writer) = &self.writer else { return };
        let (written, done) = oneshot::channel();
        let mut flush = Order::Flush(written);
        while let Err(TrySendError::Full(again)) = writer.orders.try_send(flush) {
            flush = again;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        done.await.ok(); // or the thread is gone, and there is nothing to wait for
    }

    /// Lines lost so far: the queue was full, or the sink failed.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &std::path::Path) -> model::AccessLog {
        model::AccessLog { to: LogTarget::File(path.to_owned()), sample: Percent::ALL }
    }

    #[test]
    fn a_pipe_is_not_waited_for_until_it_is_open() {
        use rustix::{
            fs::{CWD, FileType, mknodat},
            io::Errno,
        };
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(Errno::from_io_error(&append_to(&pipe).unwrap_err()), Some(Errno::NXIO), "nobody reads it");
        let _reader = open(&pipe, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
        let sink = append_to(&pipe).unwrap();
        assert!(!fcntl_getfl(&sink).unwrap().contains(OFlags::NONBLOCK), "a slow reader loses nothing");
    }

    #[tokio::test]
    async fn a_rotated_file_is_opened_anew_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (path, rotated) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
        let before = AccessLog::open(&file(&path), None).unwrap();
        before.write(&line("a"));
        before.flush().await;
        std::fs::rename(&path, &rotated).unwrap();
        let after = AccessLog::open(&file(&path), Some(&before)).unwrap();
        before.write(&line("b"));
        after.write(&line("c"));
        after.flush().await;
        let ids = |path| {
            let text = std::fs::read_to_string(path).unwrap();
            let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].to_string();
            text.lines().map(line).collect::<String>()
        };
        assert_eq!((ids(rotated), ids(path)), (r#""a""#.to_owned(), r#""b""c""#.to_owned()));
    }

    #[test]
    fn sampling_never_hides_what_went_wrong_and_a_full_queue_is_counted() {
        let (orders, nobody_reads) = sync_channel(1);
        let sample = Percent::from_basis_points(5_000).unwrap();
        let writer = Some(Writer { gathered: Arc::new(Gathered::new(1)), orders });
        let log = AccessLog { to: LogTarget::Stdout, sample, writer, dropped: Arc::default() };
        assert!(log.takes(0, false) && !log.takes(u32::MAX, false) && log.takes(u32::MAX, true));
        log.write(&line("waits"));
        log.write(&line("lost"));
        assert_eq!(log.dropped(), 1);
        drop(nobody_reads);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"é".repeat(1000)).len(), 1024);
        assert_eq!(cut(&format!("x{}", "é".repeat(1000))).len(), 1023);
    }

    fn line(id: &str) -> Line<'_> {
        Line {
            time: Moment(std::time::SystemTime::UNIX_EPOCH),
            id,
            trace: None,
            client: None,
            listener: "plain",
            protocol: "HTTP/1.1",
            tls: None,
            method: "GET",
            host: None,
            path: None,
            query: None,
            status: Some(200),
            bytes: 0,
            duration_ms: 0.0,
            route: None,
            class: None,
            pool: None,
            cache: None,
            endpoint: None,
            tries: 0,
            refusal: None,
            error: None,
            user_agent: None,
        }
    }
}
