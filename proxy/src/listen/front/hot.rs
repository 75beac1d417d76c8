//! Answers out of the cache that need nobody but the front loop.

use std::{future::poll_fn, io};

use bytes::{BufMut, Bytes, BytesMut};
use pingora::{Error, ErrorType, http::RequestHeader};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Closed, Front, OnSocket};
use crate::request::hot::{self, Framing};

impl<S> Front<'_, S>
where
    S: AsyncRead + AsyncWrite + OnSocket + Unpin + Send + 'static,
{
    /// Answers a request that has no body, if its answer is at hand: whether another one may follow. Else it gives the
    /// header back.
    pub(super) async fn answer_at_once(&self, head: BytesMut) -> Result<bool, BytesMut> {
        let head = head.freeze();
        let mut parser = self.worker.take_parser();
        let mut read = parser.read(&head);
        let answered = match &mut read {
            Some(header) => self.answer_hit(header).await,
            None => None,
        };
        if let Some(header) = read {
            parser.forget(header);
        }
        self.worker.give_parser_back(parser);
        answered.ok_or_else(|| head.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared)))
    }

    async fn answer_hit(&self, header: &mut RequestHeader) -> Option<bool> {
        let edge = &self.worker.edge;
        // What ends a body, as the framing has it: an empty chunk.
        let ends = [b"".as_slice(), b"0\r\n\r\n", b"\r\n0\r\n\r\n"].map(Bytes::from_static);
        let hit = hot::find(edge, &hot::Request::new(header, &self.connection)?)?;
        let body = hit.body(&header.method);
        let length: usize = body.clone().map(Bytes::len).sum();
        let framing = {
            let mut exchange = self.exchange.lock();
            exchange.answer_with(|held| {
                let framing = hit.head(held)?;
                if framing == Framing::Chunked && length > 0 {
                    held.put_slice(format!("{length:x}\r\n").as_bytes());
                }
                Some(framing)
            })?
        };
        let end = match framing {
            Framing::Chunked if length > 0 => &ends[2],
            Framing::Chunked if hit.has_body(&header.method) => &ends[1],
            Framing::Chunked | Framing::Length => &ends[0],
        };
        let mut gone = 0;
        let sent = poll_fn(|cx| {
            let pieces = body.clone().chain(std::iter::once(end));
            self.exchange.lock().poll_send_through(cx, pieces, &mut gone)
        });
        let sent = sent.await;
        let bytes = if sent.is_ok() { length } else { length.min(gone) };
        let error = sent.as_ref().err().map(failed);
        hit.record(edge, header, &self.connection, bytes, error.as_deref());
        let exchange = self.exchange.lock();
        if exchange.client_is_slow(sent.as_ref().err()) {
            self.count(Closed::SlowClient);
            exchange.transport.inner().abandon();
        }
        Some(sent.is_ok())
    }
}

/// As Pingora would say it.
fn failed(error: &io::Error) -> Box<Error> {
    let kind = if error.kind() == io::ErrorKind::TimedOut { ErrorType::WriteTimedout } else { ErrorType::WriteError };
    Error::explain(kind, error.to_string()).into_down()
}
