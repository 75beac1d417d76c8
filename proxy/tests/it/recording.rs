//! An origin that records every byte, and a client that sends what the test says.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::world::{LONG, wait_until};

/// What an origin received on one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    /// Whether the edge closed it.
    pub(crate) closed: bool,
}

impl Received {
    /// Where the first request ends; `None` if it is unfinished. The edge is asked to frame requests in just two ways.
    fn request_end(&self) -> Option<usize> {
        let end = self.bytes.windows(4).position(|at| at == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&self.bytes[..end]).to_ascii_lowercase();
        if head.contains("\r\ntransfer-encoding: chunked\r\n") {
            let last = self.bytes[end..].windows(5).position(|at| at == b"0\r\n\r\n")?;
            return Some(end + last + 5);
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let whole = end + length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
        (whole <= self.bytes.len()).then_some(whole)
    }

    /// Whether it holds a request from beginning to end.
    pub(crate) fn is_complete(&self) -> bool {
        self.request_end().is_some()
    }
}

/// An origin that answers each whole request with the same bytes, and remembers everything.
pub(crate) struct RawOrigin {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl RawOrigin {
    /// Answers with these bytes, one write for each part, with a pause between.
    pub(crate) async fn start(parts: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (log, parts) = (Arc::clone(&received), parts.iter().map(|part| (*part).to_owned()).collect::<Arc<[_]>>());
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                connections.spawn(answer(tcp, Arc::clone(&log), Arc::clone(&parts)));
            }
        });
        Self { address, received, task }
    }

    /// What it received so far, by request; connections on which nothing came are left out.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().iter().filter(|one| !one.bytes.is_empty()).cloned().collect()
    }

    /// The same, once no connection with an unfinished request is open.
    pub(crate) async fn settled(&self) -> Vec<Received> {
        let unfinished = |one: &Received| !one.is_complete() && !one.closed;
        wait_until("unfinished requests are closed", async || !self.received().iter().any(unfinished)).await;
        self.received()
    }
}

impl Drop for RawOrigin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut tcp: TcpStream, log: Arc<Mutex<Vec<Received>>>, parts: Arc<[String]>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut rest = Vec::new();
    loop {
        let mine = {
            let mut log = log.lock().unwrap();
            log.push(Received { bytes: std::mem::take(&mut rest), closed: false });
            log.len() - 1
        };
        loop {
            let end = log.lock().unwrap()[mine].request_end();
            if let Some(end) = end {
                rest = log.lock().unwrap()[mine].bytes.split_off(end);
                break;
            }
            match tcp.read(&mut buffer).await {
                Ok(read) if read > 0 => log.lock().unwrap()[mine].bytes.extend_from_slice(&buffer[..read]),
                _ => {
                    log.lock().unwrap()[mine].closed = true;
                    return;
                }
            }
        }
        for part in parts.iter() {
            if tcp.write_all(part.as_bytes()).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A client at the level of bytes.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        Self(TcpStream::connect(to).await.unwrap())
    }

    /// Sends what it can: the edge may have had enough before.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.ok();
    }

    /// Says that it sends no more.
    pub(crate) async fn finish(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// Reads until what was read satisfies the test, and returns it; the rest stays for later.
    pub(crate) async fn read_until(&mut self, enough: impl Fn(&str) -> bool) -> String {
        let mut bytes = Vec::new();
        let read = async {
            while !enough(&String::from_utf8_lossy(&bytes)) {
                let mut more = [0; 4096];
                match self.0.read(&mut more).await.unwrap() {
                    0 => panic!("closed after {:?}", String::from_utf8_lossy(&bytes)),
                    read => bytes.extend_from_slice(&more[..read]),
                }
            }
        };
        let in_time = tokio::time::timeout(LONG, read).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        in_time.unwrap_or_else(|_elapsed| panic!("only {text:?}"));
        text
    }

    /// What comes within a time; `None` if that is nothing.
    pub(crate) async fn read_for(&mut self, time: Duration) -> Option<String> {
        let mut more = [0; 4096];
        let read = tokio::time::timeout(time, self.0.read(&mut more)).await.ok()?.unwrap();
        Some(String::from_utf8_lossy(&more[..read]).into_owned())
    }

    /// Everything until the edge closes; `Err` with what came if it does not, or only by a reset.
    pub(crate) async fn read_to_end(&mut self) -> Result<String, String> {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(LONG, self.0.read_to_end(&mut bytes)).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match read {
            Ok(Ok(_)) => Ok(text),
            Ok(Err(error)) => Err(format!("{error} after {text:?}")),
            Err(_elapsed) => Err(format!("still open after {text:?}")),
        }
    }
}

/// Sends bytes on a connection of their own; everything until the edge closes it.
pub(crate) async fn ask(to: SocketAddr, bytes: impl AsRef<[u8]>) -> Result<String, String> {
    let mut client = Client::connect(to).await;
    client.send(bytes).await;
    client.read_to_end().await
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}
