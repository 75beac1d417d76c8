//! Which trace a request belongs to: W3C Trace Context, `traceparent` and `tracestate`, in and out.

use std::{
    fmt,
    num::{NonZeroU64, NonZeroU128},
};

use http::HeaderMap;

mod state;

/// A place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    /// The trace, the same for all that happens for one request.
    pub(crate) id: NonZeroU128,
    /// The edge's own step in it: the parent of what the origin does.
    span: NonZeroU64,
    /// Whether it is to be recorded.
    sampled: bool,
    /// Whether the id is random in all its bits, so that others may sample by it (Trace Context Level 2 s3.2.2.5.2).
    random: bool,
    /// What tracing systems carry along, as it is sent on.
    state: Option<String>,
}

/// What `traceparent` says. Its span is not read: the edge records no step of its own that would point to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    id: NonZeroU128,
    sampled: bool,
    random: bool,
}

impl Trace {
    /// A trace that begins here.
    pub(crate) fn begin(id: NonZeroU128, span: NonZeroU64, sampled: bool) -> Self {
        Self { id, span, sampled, random: true, state: None }
    }

    /// Makes it the next step of the trace that the request says it belongs to, if it says so in the one right way.
    /// Else it goes on as one that begins here ("restarts" in the words of s2.6 there).
    pub(crate) fn join(&mut self, headers: &HeaderMap) {
        let Some(Parent { id, sampled, random }) = parent(headers) else { return };
        *self = Self { id, span: self.span, sampled, random, state: state::of(headers) };
    }

    /// As [`Self::join`] for a client that nobody vouches for: it may say which trace it is, and neither make us record
    /// it nor send tracing systems behind us what it likes.
    pub(crate) fn join_stranger(&mut self, headers: &HeaderMap) {
        let Some(Parent { id, .. }) = parent(headers) else { return };
        (self.id, self.random) = (id, false);
    }

    /// `tracestate` as it is sent on.
    pub(crate) fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The id as it is written everywhere: 32 hexadecimal digits.
    pub(crate) fn id(&self) -> String {
        format!("{:032x}", self.id)
    }
}

/// `traceparent` as it is sent on, in version `00`: flag 1 is `sampled`, 2 is `random-trace-id`.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = u8::from(self.sampled) | u8::from(self.random) << 1;
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.id, self.span)
    }
}

/// Reads `traceparent` (s3.2.2): `00-<32 hex>-<16 hex>-<2 hex>`, in lower case, no id all zeros; `None` for anything
/// else, and for several lines. A later version may go on behind a `-` and is read as far as it is known (s3.2.4).
fn parent(headers: &HeaderMap) -> Option<Parent> {
    const LENGTH: usize = 55;
    let mut lines = headers.get_all("traceparent").iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let (known, more) = line.as_bytes().trim_ascii().split_at_checked(LENGTH)?;
    let mut parts = str::from_utf8(known).ok()?.split('-');
    let mut hex = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u128::from_str_radix(part, 16).ok().filter(|_| is_hex)
    };
    let (version, id, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let ends = more.is_empty() || (version != 0 && more.starts_with(b"-"));
    if version == 0xff || span == 0 || !ends {
        return None;
    }
    Some(Parent { id: NonZeroU128::new(id)?, sampled: flags & 1 != 0, random: flags & 2 != 0 })
}

#[cfg(test)]
mod tests;
