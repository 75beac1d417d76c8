//! The answer of one stream, as fast as the client takes it.

use std::{collections::VecDeque, future::poll_fn};

use bytes::Bytes;
use h2::{Reason, SendStream, server::SendResponse};
use http::{HeaderMap, Response, header};
use pingora::{Error, ErrorType, OrErr, Result, http::ResponseHeader, protocols::http::HttpTask};

use crate::{
    clock,
    listen::pace::{Pace, Patience},
    request::respond::suit_http2,
};

/// One answer.
pub(super) struct Answer {
    start: SendResponse<Bytes>,
    /// `Some` once the header was sent.
    body: Option<SendStream<Bytes>>,
    header: Option<Box<ResponseHeader>>,
    /// Sent to its end, or broken off: nothing more is sent.
    over: bool,
    bytes: usize,
    pub(super) pace: Pace,
    /// What is still to be sent; the first may be a body of which the beginning was. It stands here rather than in a
    /// future, so that Pingora can give a write up and go on with it later.
    queue: VecDeque<HttpTask>,
}

impl Answer {
    pub(super) fn new(start: SendResponse<Bytes>, patience: Patience) -> Self {
        Self {
            start,
            body: None,
            header: None,
            over: false,
            bytes: 0,
            pace: Pace::new(patience),
            queue: VecDeque::new(),
        }
    }

    /// The header of the final answer, once it was sent.
    pub(super) fn header(&self) -> Option<&ResponseHeader> {
        self.header.as_deref()
    }

    /// Bytes of body sent.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether tasks wait in the queue.
    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(super) fn queue(&mut self, task: HttpTask) {
        self.queue.push_back(task);
    }

    /// Sends what is queued; `true` once that was the end of the answer.
    pub(super) async fn send_queued(&mut self) -> Result<bool> {
        while !self.queue.is_empty() {
            let last = self.send_first().await;
            if !matches!(last, Ok(false)) {
                self.queue.clear();
                return last.and_then(|_end| self.end()).map(|()| true);
            }
        }
        Ok(false)
    }

    /// Sends the first task; `true` if it is the last of the answer.
    async fn send_first(&mut self) -> Result<bool> {
        if let Some(HttpTask::Body(Some(data), end)) = self.queue.front_mut() {
            let end = *end;
            if !data.is_empty() {
                let Some(body) = self.body.as_mut().filter(|_| !self.over) else { return Err(headless()) };
                send(body, &mut self.pace, &mut self.bytes, data, end).await?;
                self.over = end;
            }
            self.queue.pop_front();
            return Ok(end);
        }
        match self.queue.pop_front() {
            // Relayed where they are received; only what the client waits for comes this way (see `request.rs`).
            Some(HttpTask::Header(header, _)) if header.status.is_informational() => {
                if header.status == http::StatusCode::CONTINUE {
                    self.inform(&header)?;
                }
                Ok(false)
            }
            Some(HttpTask::Header(header, end)) => self.begin(header, end).map(|()| end),
            Some(HttpTask::Body(_, end)) => Ok(end),
            Some(HttpTask::Trailer(trailers)) => {
                if let Some(trailers) = trailers {
                    self.trailers(*trailers)?;
                }
                Ok(true)
            }
            Some(HttpTask::Done) | None => Ok(true),
            Some(HttpTask::Failed(error)) => Err(error),
            Some(HttpTask::UpgradedBody(..)) => {
                Error::e_explain(ErrorType::InternalError, "an upgraded body on a stream of HTTP/2")
            }
        }
    }

    /// Sends the header; a `1xx` before it goes out by itself.
    pub(super) fn begin(&mut self, mut header: Box<ResponseHeader>, end: bool) -> Result<()> {
        if header.status.is_informational() {
            return self.inform(&header);
        }
        if self.over || self.header.is_some() {
            return Ok(());
        }
        suit_http2(&mut header);
        // The origin's own date says how old the answer is; it is only made up where there is none (RFC 9110 s6.6.1).
        if !header.headers.contains_key(header::DATE) {
            header.insert_header(header::DATE, httpdate::fmt_http_date(clock::wall()))?;
        }
        let sent = self.start.send_response(Response::from_parts(header.as_owned_parts(), ()), end);
        self.body = Some(sent.or_err(ErrorType::WriteError, "while sending the header").map_err(|e| e.into_down())?);
        self.header = Some(header);
        self.over = end;
        Ok(())
    }

    fn inform(&mut self, header: &ResponseHeader) -> Result<()> {
        // There is no switching of protocols in HTTP/2 (RFC 9113 s8.6).
        if self.header.is_some() || self.over || header.status == http::StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        let mut header = header.clone();
        suit_http2(&mut header);
        let sent = self.start.send_informational(Response::from_parts(header.as_owned_parts(), ()));
        sent.or_err(ErrorType::WriteError, "while sending a 1xx").map_err(|e| e.into_down())
    }

    /// Sends some of the body, `end` with its last byte.
    pub(super) async fn write(&mut self, mut data: Bytes, end: bool) -> Result<()> {
        if self.over {
            return Ok(());
        }
        if !data.is_empty() {
            let body = self.body.as_mut().ok_or_else(headless)?;
            send(body, &mut self.pace, &mut self.bytes, &mut data, end).await?;
            self.over = end;
        }
        if end { self.end() } else { Ok(()) }
    }

    /// Sends trailers, which end the answer.
    pub(super) fn trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        let Some(body) = self.body.as_mut().filter(|_| !self.over) else { return Ok(()) };
        self.over = true;
        body.send_trailers(trailers).or_err(ErrorType::WriteError, "while sending trailers").map_err(|e| e.into_down())
    }

    /// Ends an answer that was sent whole; one that was not begun stays so.
    pub(super) fn end(&mut self) -> Result<()> {
        let Some(body) = self.body.as_mut().filter(|_| !self.over) else { return Ok(()) };
        self.over = true;
        let sent = body.send_data(Bytes::new(), true);
        sent.or_err(ErrorType::WriteError, "while ending the answer").map_err(|e| e.into_down())
    }

    /// Breaks the answer off, so that the client can tell what it has from a whole one.
    pub(super) fn break_off(&mut self) {
        if !self.over {
            self.over = true;
            self.start.send_reset(Reason::INTERNAL_ERROR);
        }
    }

    /// Waits until the client gives up the stream.
    pub(super) async fn given_up(&mut self) -> Result<Reason> {
        let Self { start, body, .. } = self;
        let reset = poll_fn(|cx| match body {
            Some(body) => body.poll_reset(cx),
            None => start.poll_reset(cx),
        });
        reset.await.or_err(ErrorType::H2Error, "while waiting for the origin").map_err(|e| e.into_down())
    }

    /// The sending half, if the answer was sent whole; else it is broken off.
    pub(super) fn close(mut self) -> Option<SendStream<Bytes>> {
        let whole = self.over;
        self.break_off();
        self.body.filter(|_| whole)
    }
}

/// Sends all of `data`, as the client's windows and the buffer towards it allow; what was sent is taken off.
pub(super) async fn send(
    stream: &mut SendStream<Bytes>,
    pace: &mut Pace,
    bytes: &mut usize,
    data: &mut Bytes,
    end: bool,
) -> Result<()> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let capacity = pace.wait_for(poll_fn(|cx| stream.poll_capacity(cx))).await;
        let capacity = capacity.map_err(|_too_slow| too_slow(pace))?;
        let gone = || Error::explain(ErrorType::WriteError, "the client gave the stream up").into_down();
        let capacity = capacity.ok_or_else(gone)?.map_err(|error| gone().more_context(error.to_string()))?;
        let chunk = data.split_to(capacity.min(data.len()));
        let count = chunk.len();
        let last = data.is_empty() && end;
        stream
            .send_data(chunk, last)
            .or_err(ErrorType::WriteError, "while sending a body")
            .map_err(|e| e.into_down())?;
        *bytes += count;
        pace.moved(count as u64, clock::instant);
    }
    Ok(())
}

fn headless() -> Box<Error> {
    Error::explain(ErrorType::H2Error, "a body without a header before it")
}

fn too_slow(pace: &Pace) -> Box<Error> {
    let context = format!("the client takes its answer too slowly: {pace}");
    Error::explain(ErrorType::WriteTimedout, context).into_down()
}
