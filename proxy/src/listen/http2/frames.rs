//! The frames of one connection, counted as they pass: what the h2 crate itself does not bound.
//!
//! Frames that carry neither a request nor a body cost the sender nine bytes and the edge an answer, a lookup or a
//! task (CVE-2019-9511 to 9518, CVE-2023-44487). Each takes a token; traffic that is worth something brings tokens
//! back, because it is what honest control frames come with: a window update for what was downloaded, a ping to measure
//! the path while data flows.

use std::time::Instant;

/// The client's side of a connection begins with these 24 bytes (RFC 9113 s3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Control frames: a browser sends about ten with its first request.
const CONTROL: Allowance = Allowance { burst: 1000, per_second: 50 };
/// Requests that the client takes back: a page that is left takes back all that it had under way, twice over.
const RESETS: Allowance = Allowance { burst: 200, per_second: 20 };
/// Control frames that come with one frame of an answer; a client may update two windows for each.
const PER_DATA_SENT: u64 = 4;
/// Control frames that come with one request.
const PER_REQUEST: u64 = 4;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
/// Its length, and the most that it can say (RFC 9113 s6.1).
const PADDING_MAX: usize = 1 + 255;

/// What a client sent too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flood {
    /// Requests taken back.
    Resets,
    /// Frames that carry nothing.
    ControlFrames,
}

/// The frames of one connection in both directions.
#[derive(Debug)]
pub(super) struct Frames {
    received: Parser,
    sent: Parser,
    control: Bucket,
    resets: Bucket,
    /// When the header block began that is not whole yet.
    headers_since: Option<Instant>,
}

impl Frames {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            received: Parser { skip: PREFACE.len(), ..Parser::default() },
            sent: Parser::default(),
            control: Bucket::new(CONTROL, now),
            resets: Bucket::new(RESETS, now),
            headers_since: None,
        }
    }

    /// Counts bytes from the client.
    pub(super) fn received(&mut self, bytes: &[u8], now: Instant) -> Result<(), Flood> {
        let Self { received, control, resets, headers_since, .. } = self;
        received.feed(bytes, |step| {
            match step {
                Step::Head(Head { kind: HEADERS, .. }) => {
                    headers_since.get_or_insert(now);
                    control.give(PER_REQUEST);
                }
                Step::Head(Head { kind: CONTINUATION, .. }) => {
                    headers_since.get_or_insert(now);
                    return control.take(now).ok_or(Flood::ControlFrames);
                }
                Step::Head(Head { kind: DATA, flags, length }) => {
                    let padded = flags & PADDED != 0;
                    let useful = if padded { length.saturating_sub(PADDING_MAX) } else { length };
                    if useful == 0 && (padded || flags & END_STREAM == 0) {
                        return control.take(now).ok_or(Flood::ControlFrames);
                    }
                    control.give(1);
                }
                Step::Head(Head { kind: RST_STREAM, .. }) => return resets.take(now).ok_or(Flood::Resets),
                Step::Head(_) => return control.take(now).ok_or(Flood::ControlFrames),
                Step::End(Head { kind: HEADERS | CONTINUATION, flags, .. }) if flags & END_HEADERS != 0 => {
                    *headers_since = None;
                }
                Step::End(_) => {}
            }
            Ok(())
        })
    }

    /// Counts bytes to the client.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        let Self { sent, control, .. } = self;
        let counted: Result<(), std::convert::Infallible> = sent.feed(bytes, |step| {
            if matches!(step, Step::Head(Head { kind: DATA, .. })) {
                control.give(PER_DATA_SENT);
            }
            Ok(())
        });
        let Ok(()) = counted;
    }

    /// When the header block began that the client has not finished.
    pub(super) fn headers_since(&self) -> Option<Instant> {
        self.headers_since
    }
}

/// Type, flags and payload length of a frame (RFC 9113 s4.1).
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    kind: u8,
    flags: u8,
    length: usize,
}

/// What the parser came to.
enum Step {
    Head(Head),
    /// The last byte of a frame.
    End(Head),
}

/// Finds the frame heads in a stream of bytes that comes in any pieces.
#[derive(Debug, Default)]
struct Parser {
    /// Bytes until the next head: the preface, or what is left of a payload.
    skip: usize,
    partial: [u8; 9],
    filled: usize,
    /// The frame that `skip` is of.
    frame: Option<Head>,
}

impl Parser {
    fn feed<E>(&mut self, mut bytes: &[u8], mut step: impl FnMut(Step) -> Result<(), E>) -> Result<(), E> {
        loop {
            let skipped = self.skip.min(bytes.len());
            bytes = &bytes[skipped..];
            self.skip -= skipped;
            if self.skip > 0 {
                return Ok(());
            }
            if let Some(ended) = self.frame.take() {
                step(Step::End(ended))?;
            }
            let taken = (self.partial.len() - self.filled).min(bytes.len());
            let (head, rest) = bytes.split_at(taken);
            self.partial[self.filled..self.filled + taken].copy_from_slice(head);
            self.filled += taken;
            bytes = rest;
            if self.filled < self.partial.len() {
                return Ok(());
            }
            let [high, middle, low, kind, flags, ..] = self.partial;
            let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            let head = Head { kind, flags, length };
            (self.filled, self.skip, self.frame) = (0, length, Some(head));
            step(Step::Head(head))?;
        }
    }
}

/// How many, and how many more each second.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    burst: u64,
    per_second: u64,
}

/// A token bucket; counts in thousandths, so that a refill by the millisecond loses nothing.
#[derive(Debug)]
struct Bucket {
    allowance: Allowance,
    thousandths: u64,
    filled_at: Instant,
}

impl Bucket {
    fn new(allowance: Allowance, now: Instant) -> Self {
        Self { allowance, thousandths: allowance.burst * 1000, filled_at: now }
    }

    fn give(&mut self, tokens: u64) {
        self.thousandths = (self.thousandths + tokens * 1000).min(self.allowance.burst * 1000);
    }

    /// `None` once it is empty.
    fn take(&mut self, now: Instant) -> Option<()> {
        let milliseconds = now.saturating_duration_since(self.filled_at).as_millis();
        if milliseconds > 0 {
            let refill = u64::try_from(milliseconds).unwrap_or(u64::MAX).saturating_mul(self.allowance.per_second);
            self.thousandths = self.thousandths.saturating_add(refill).min(self.allowance.burst * 1000);
            self.filled_at = now;
        }
        self.thousandths = self.thousandths.checked_sub(1000)?;
        Some(())
    }
}

#[cfg(test)]
mod tests;
