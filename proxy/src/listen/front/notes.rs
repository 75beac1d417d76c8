//! What a request's stages and the reading and writing of its connection tell each other.

use std::sync::{Mutex, OnceLock, PoisonError};

use http::HeaderValue;

use crate::request::refusal::Refusal;

/// The notes of one connection. Requests of HTTP/1 follow each other, so there is one of each kind.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    origin_date: Mutex<Option<HeaderValue>>,
    fault: OnceLock<Refusal>,
}

impl Notes {
    /// The `Date` that the answer under way is to keep.
    pub(crate) fn keep_date(&self, date: HeaderValue) {
        *self.origin_date.lock().unwrap_or_else(PoisonError::into_inner) = Some(date);
    }

    /// The same, once.
    pub(super) fn take_date(&self) -> Option<HeaderValue> {
        self.origin_date.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What the client did wrong in a body; only the first is kept, for no request follows it.
    pub(super) fn note_fault(&self, fault: Refusal) {
        self.fault.set(fault).ok();
    }

    /// The same, for those who must say it.
    pub(crate) fn fault(&self) -> Option<&Refusal> {
        self.fault.get()
    }
}
