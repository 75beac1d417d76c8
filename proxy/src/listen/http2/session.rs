//! One request of an HTTP/2 connection, as Pingora takes it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;
use h2::{RecvStream, SendStream, server::SendResponse};
use http::{HeaderMap, Version, header};
use pingora::{
    Error, ErrorType, Result,
    http::{RequestHeader, ResponseHeader},
    protocols::{
        Digest,
        http::{
            HttpTask,
            custom::{CustomMessageWrite, server::Session},
            v1::client::http_req_header_to_wire,
        },
        l4::socket::SocketAddr,
    },
};
use tokio::sync::oneshot;

use super::{answer::Answer, body::RequestBody};
use crate::listen::pace::Patience;

/// A stream of messages beside the body, which some protocols have, and HTTP/2 has not.
type Messages = Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;

/// One request and its answer.
pub(super) struct Http2Session {
    request: RequestHeader,
    /// `Some` until the session ends.
    halves: Option<Halves>,
    digest: Arc<Digest>,
    drain_max: Option<Duration>,
    /// Whether Pingora may queue the answer and go on filling the cache while the client takes its time.
    queues: bool,
    unread: Option<oneshot::Sender<Unread>>,
}

struct Halves {
    body: RequestBody,
    answer: Answer,
}

/// An answered request whose body the client still sends. Dropping the stream resets it (`NO_ERROR`, RFC 9113 s8.1), and
/// some clients then forget the answer that they have.
pub(super) struct Unread {
    body: RequestBody,
    _stream: SendStream<Bytes>,
    drain_max: Duration,
}

impl Unread {
    /// Reads the rest, for as long as is allowed.
    pub(super) async fn drain(mut self) {
        // Whatever comes of it, the stream is over then.
        tokio::time::timeout(self.drain_max, self.body.drain()).await.ok();
    }
}

/// What a stream may ask of the edge's patience.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) body: Patience,
    pub(super) answer: Patience,
}

impl Http2Session {
    /// The session, and what it leaves behind when it ends.
    pub(super) fn new(
        request: RequestHeader,
        (body, answer): (RecvStream, SendResponse<Bytes>),
        waits: Waits,
        digest: Arc<Digest>,
    ) -> (Self, oneshot::Receiver<Unread>) {
        let (unread, left) = oneshot::channel();
        let halves = Halves { body: RequestBody::new(body, waits.body), answer: Answer::new(answer, waits.answer) };
        let (drain_max, unread) = (None, Some(unread));
        (Self { request, halves: Some(halves), digest, drain_max, queues: true, unread }, left)
    }

    fn halves(&self) -> &Halves {
        self.halves.as_ref().expect("only Drop takes them")
    }

    fn body(&mut self) -> &mut RequestBody {
        &mut self.halves.as_mut().expect("only Drop takes them").body
    }

    fn answer(&mut self) -> &mut Answer {
        &mut self.halves.as_mut().expect("only Drop takes them").answer
    }
}

/// What was not sent to its end is broken off; what the client still sends of its body is left to be drained.
impl Drop for Http2Session {
    fn drop(&mut self) {
        let Some(Halves { body, answer }) = self.halves.take() else { return };
        let (Some(stream), false) = (answer.close(), body.is_over()) else { return };
        if let (Some(unread), Some(drain_max)) = (self.unread.take(), self.drain_max) {
            // Nobody waits for it any more if the connection was cut.
            unread.send(Unread { body, _stream: stream, drain_max }).ok();
        }
    }
}

#[async_trait]
impl Session for Http2Session {
    fn req_header(&self) -> &RequestHeader {
        &self.request
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.request
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        self.body().read().await
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        let Some(drain_max) = self.drain_max else { return self.body().drain().await };
        let drained = tokio::time::timeout(drain_max, self.body().drain()).await;
        drained.unwrap_or_else(|_elapsed| {
            let context = format!("the rest of the body was not read within {drain_max:?}");
            Err(Error::explain(ErrorType::ReadTimedout, context).into_down())
        })
    }

    async fn write_response_header(&mut self, response: Box<ResponseHeader>, end: bool) -> Result<()> {
        self.answer().begin(response, end)
    }

    async fn write_response_header_ref(&mut self, response: &ResponseHeader, end: bool) -> Result<()> {
        self.answer().begin(Box::new(response.clone()), end)
    }

    async fn write_body(&mut self, data: Bytes, end: bool) -> Result<()> {
        self.answer().write(data, end).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.answer().trailers(trailers)
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        tasks.into_iter().for_each(|task| self.answer().queue(task));
        self.answer().send_queued().await
    }

    fn proxy_tasks_enabled(&self) -> bool {
        self.queues
    }

    fn set_proxy_tasks_enabled(&mut self, enabled: bool) {
        self.queues = enabled;
    }

    fn send_proxy_task(&mut self, task: HttpTask) {
        self.answer().queue(task);
    }

    fn has_pending_proxy_tasks(&self) -> bool {
        self.halves().answer.has_queued()
    }

    async fn write_proxy_tasks(&mut self) -> Result<bool> {
        self.answer().send_queued().await
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.body().pace.bear_silence(timeout.unwrap_or(Duration::MAX));
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        Some(self.halves().body.pace.silence_max())
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.answer().pace.bear_silence(timeout.unwrap_or(Duration::MAX));
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        Some(self.halves().answer.pace.silence_max())
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.drain_max = timeout;
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.drain_max
    }

    fn request_summary(&self) -> String {
        format!("{} {}", self.request.method, self.request.uri)
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.halves().answer.header()
    }

    async fn shutdown(&mut self, _code: u32, _context: &str) {
        self.answer().break_off();
    }

    fn is_body_done(&mut self) -> bool {
        self.is_body_empty() || self.body().is_over()
    }

    async fn finish(&mut self) -> Result<()> {
        self.answer().end()
    }

    fn is_body_empty(&mut self) -> bool {
        let announced = self.request.headers.get(header::CONTENT_LENGTH);
        let none = announced.is_some_and(|length| length.as_bytes() == b"0");
        self.body().bytes() == 0 && (none || self.body().is_over())
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if !no_body_expected && !self.is_body_done() {
            return self.body().read().await;
        }
        let reason = self.answer().given_up().await?;
        Err(Error::explain(ErrorType::ConnectionClosed, format!("the client gave the stream up: {reason}")).into_down())
    }

    fn body_bytes_sent(&self) -> usize {
        self.halves().answer.bytes()
    }

    fn body_bytes_read(&self) -> usize {
        self.halves().body.bytes()
    }

    fn digest(&self) -> Option<&Digest> {
        Some(&self.digest)
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        // It is of the connection.
        None
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.peer_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.local_addr()
    }

    /// The header as HTTP/1.1 text: Pingora rebuilds a refresh in the background from it.
    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        as_http1(&self.request)
    }

    fn enable_retry_buffering(&mut self) {
        self.body().keep_for_retry();
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.halves().body.is_too_long_for_retry()
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        self.halves().body.for_retry()
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(&mut self) -> Option<Messages> {
        None
    }

    fn restore_custom_message_reader(&mut self, _reader: Messages) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(&mut self, _writer: Box<dyn CustomMessageWrite>) -> Result<()> {
        Ok(())
    }
}

/// A request header as HTTP/1.1 would have it; nothing if it cannot be had, which Pingora then takes for a broken one.
fn as_http1(request: &RequestHeader) -> Bytes {
    let mut request = request.clone();
    request.set_version(Version::HTTP_11);
    if let Some(authority) = request.uri.authority().map(ToString::to_string)
        && request.insert_header(header::HOST, authority).is_err()
    {
        return Bytes::new();
    }
    http_req_header_to_wire(&request).map(bytes::BytesMut::freeze).unwrap_or_default()
}
