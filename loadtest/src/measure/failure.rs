//! Every way in which a request fails.

use std::fmt;

/// The reason, as reports count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// Due, but as many requests were under way as the run may have.
    Unsent,
    /// The scenario and the session's values make no valid request.
    Request,
    /// No connection.
    Connect,
    /// A connection, but no TLS session.
    Tls,
    /// The connection or the stream ended before the answer did.
    Reset,
    /// The answer is not HTTP, or longer than anybody wants.
    Protocol,
    /// No whole answer within the scenario's timeout.
    Timeout,
    /// Another status than the expected one.
    Status(u16),
    /// The right status, but not the right text.
    Marker,
    /// Still under way when the run was over.
    Unfinished,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Unsent => "not sent",
            Failure::Request => "request",
            Failure::Connect => "connect",
            Failure::Tls => "tls",
            Failure::Reset => "reset",
            Failure::Protocol => "protocol",
            Failure::Timeout => "timeout",
            Failure::Status(status) => return write!(f, "status {status}"),
            Failure::Marker => "marker",
            Failure::Unfinished => "unfinished",
        })
    }
}

/// One failure and what was said about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}: {said}")]
pub(crate) struct Fault {
    pub(crate) failure: Failure,
    pub(crate) said: String,
}

impl Fault {
    /// A failure, in words.
    pub(crate) fn new(failure: Failure, said: impl Into<String>) -> Fault {
        Fault { failure, said: said.into() }
    }

    /// A failure, in the words of an error and of what caused it.
    pub(crate) fn from_error(failure: Failure, error: &dyn std::error::Error) -> Fault {
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            said.push_str(": ");
            said.push_str(&error.to_string());
            cause = error.source();
        }
        Fault { failure, said }
    }
}
