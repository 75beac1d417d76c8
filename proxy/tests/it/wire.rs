//! A connection byte by byte, from either side: for what no well-behaved library sends.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use crate::world::LONG;

/// One connection, and what was read of it and not yet taken.
pub(crate) struct Wire {
    tcp: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).await.unwrap())
    }

    fn of(tcp: TcpStream) -> Self {
        tcp.set_nodelay(true).unwrap();
        Self { tcp, unread: Vec::new() }
    }

    /// Sends everything in one write.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.tcp.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The same, to a peer that may have closed.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.tcp.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Everything up to the end of `text`.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.unread.windows(text.len()).position(|part| part == text.as_bytes()) {
                let taken = self.unread.drain(..at + text.len());
                return String::from_utf8_lossy(taken.as_slice()).into_owned();
            }
            assert!(self.more().await, "no {text:?} in {:?}", String::from_utf8_lossy(&self.unread));
        }
    }

    /// One head, of a request or an answer.
    pub(crate) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// So many bytes.
    pub(crate) async fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.more().await, "only {} of {count} bytes", self.unread.len());
        }
        self.unread.drain(..count).collect()
    }

    /// Everything until the other side closes.
    pub(crate) async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned()
    }

    /// Reads; `false` if there is nothing more.
    async fn more(&mut self) -> bool {
        let read = timeout(LONG, self.tcp.read_buf(&mut self.unread)).await.expect("the other side is silent");
        read.is_ok_and(|read| read > 0)
    }
}

/// An origin that does with each connection what the test says; ends when dropped.
pub(crate) struct RawOrigin {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl RawOrigin {
    pub(crate) async fn start<F, S>(serve: F) -> Self
    where
        F: Fn(Wire) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serve = Arc::new(serve);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                connections.spawn(serve(Wire::of(tcp)));
            }
        });
        Self { address, task }
    }

    /// Answers every request that has no body with these bytes, in one write.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut wire| async move {
            while wire.next_head().await {
                wire.send(answer).await;
            }
        })
        .await
    }
}

impl Wire {
    /// Whether another head comes; takes it.
    pub(crate) async fn next_head(&mut self) -> bool {
        self.next_whole_head().await.is_some()
    }

    /// The next head; `None` if no other comes.
    pub(crate) async fn next_whole_head(&mut self) -> Option<String> {
        if self.unread.is_empty() && !self.more().await {
            return None;
        }
        Some(self.head().await)
    }
}

impl Drop for RawOrigin {
    fn drop(&mut self) {
        self.task.abort();
    }
}
