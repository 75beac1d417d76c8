//! What leaves in one write, and who is waited for.

use std::{os::fd::AsRawFd, time::Duration};

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;
use crate::listen::pace::Patience;

fn tallies() -> [Tally; 2] {
    ["received", "sent"].map(|name| Tally::new(IntCounter::new(name, "bytes").unwrap()))
}

/// Over a stream without a socket.
fn transport<S: AsyncRead + AsyncWrite + Unpin>(inner: S, taking: Pace) -> Transport<S> {
    Transport::new(inner, taking, Delivered::through(None), tallies())
}

/// Asks for no rate, and waits for so long.
fn patient(silence_max: Duration) -> Pace {
    Pace::new(Patience { floor: 0, silence_max, unseen: 0 })
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

/// Remembers each write, and takes at most `most` of it.
#[derive(Default)]
struct Recorder {
    writes: Vec<usize>,
    bytes: Vec<u8>,
    most: usize,
}

impl AsyncRead for Recorder {
    fn poll_read(self: Pin<&mut Self>, _cx: &mut Context<'_>, _buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut left = self.most;
        for slice in slices {
            let taken = slice.len().min(left);
            self.bytes.extend_from_slice(&slice[..taken]);
            left -= taken;
        }
        let taken = self.most - left;
        self.writes.push(taken);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn head_and_body_leave_together() {
    let mut transport = transport(Recorder { most: usize::MAX, ..Recorder::default() }, patient(LONG));
    transport.write_all(b"head").await.unwrap();
    transport.write_all(b"body").await.unwrap();
    assert_eq!((transport.inner.writes.len(), transport.held.len()), (0, 8));
    transport.flush().await.unwrap();
    assert_eq!(transport.inner.writes, [8]);
    transport.write_all(b"head").await.unwrap();
    transport.write_all(&[b'x'; 100_000]).await.unwrap();
    assert_eq!((&transport.inner.writes[1..], transport.held.len()), (&[100_004][..], 0), "uncopied, and not held");
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_where_little_is_taken_at_a_time() {
    for most in [1, 3, 1000, 16_383] {
        let mut transport = transport(Recorder { most, ..Recorder::default() }, patient(LONG));
        let mut expected = Vec::new();
        for (byte, length) in [(b'a', 5), (b'b', 16_380), (b'c', 40_000), (b'd', 1), (b'e', 20_000)] {
            let bytes = vec![byte; length];
            transport.write_all(&bytes).await.unwrap();
            expected.extend(bytes);
        }
        transport.flush().await.unwrap();
        assert!(transport.inner.bytes == expected, "{most}");
        assert_eq!(transport.sent.unshown, expected.len() as u64);
    }
}

#[tokio::test]
async fn what_passes_is_counted_and_shown_when_it_ends() {
    let (edge, mut client) = duplex(1 << 20);
    let [received, sent] = ["in", "out"].map(|name| IntCounter::new(name, "bytes").unwrap());
    let tallies = [Tally::new(received.clone()), Tally::new(sent.clone())];
    let mut transport = Transport::new(edge, patient(LONG), Delivered::through(None), tallies);
    client.write_all(b"hello").await.unwrap();
    let mut read = [0; 5];
    transport.read_exact(&mut read).await.unwrap();
    transport.write_all(b"world!").await.unwrap();
    transport.flush().await.unwrap();
    assert_eq!((received.get(), sent.get()), (0, 0));
    drop(transport);
    assert_eq!((received.get(), sent.get()), (5, 6));
}

#[tokio::test]
async fn a_client_that_stops_sending_or_taking_is_given_up() {
    let (edge, _client) = duplex(16);
    let mut transport = transport(edge, patient(SHORT));
    transport.expect(Some(patient(SHORT)));
    let error = transport.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    transport.write_all(b"more than the sixteen bytes that fit").await.unwrap();
    let error = transport.flush().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn silence_is_allowed_where_nothing_is_expected() {
    let (edge, mut client) = duplex(16);
    let mut transport = transport(edge, patient(SHORT));
    let read = tokio::time::timeout(4 * SHORT, transport.read_u8()).await;
    assert!(read.is_err(), "it waits on");
    client.write_all(b"x").await.unwrap();
    assert_eq!(transport.read_u8().await.unwrap(), b'x');
}

/// The kernel's buffer takes megabytes at once, and then nothing until a good part of them is gone.
#[tokio::test]
async fn a_client_that_takes_slowly_takes_all_the_same() {
    const PATIENCE: Duration = Duration::from_millis(400);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let mut client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
    let (edge, _) = listener.accept().await.unwrap();
    let digest = Arc::new(SocketDigest::from_raw_fd(edge.as_raw_fd()));
    let delivered = Delivered::through(Some(digest));
    let mut transport = Transport::new(edge, patient(PATIENCE), delivered, tallies());
    let (ended, mut is_ended) = tokio::sync::oneshot::channel();
    let writing = tokio::spawn(async move {
        ended.send(transport.write_all(&vec![b'x'; 32 << 20]).await).unwrap();
    });
    let mut taken = vec![0; 16 << 10];
    let mut step = tokio::time::interval(PATIENCE / 20);
    for _ in 0..100 {
        step.tick().await;
        client.read_exact(&mut taken).await.unwrap();
        assert!(is_ended.try_recv().is_err(), "it goes on while the client takes");
    }
    let error = is_ended.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "and ends when it stops");
    writing.await.unwrap();
}
