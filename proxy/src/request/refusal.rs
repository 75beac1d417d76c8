//! Every way the edge says no: status, public text, metric label.

use std::{borrow::Cow, time::Duration};

use pingora::{Error, ErrorSource, ErrorType};

/// What `Allow` says where the edge itself takes a method nowhere.
pub(crate) const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Why a request is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request is not one that the edge can interpret in just one way.
    BadRequest(&'static str),
    /// The header is larger than the listener allows, or has more fields.
    HeaderTooLarge,
    /// The header did not arrive in time.
    HeaderTimeout,
    /// The body arrives too slowly.
    BodyTimeout,
    /// The client expects something that the edge does not know (RFC 9110 s10.1.1).
    UnknownExpectation,
    /// The body is coded in a way that the edge does not know (RFC 9112 s6.1).
    UnknownCoding,
    /// The request is in another version of HTTP than 1.0 and 1.1.
    UnsupportedVersion,
    /// The listener does not serve this host.
    Misdirected,
    /// The connection would not be let in now, or not this far; a new one may be.
    OutdatedConnection,
    /// The route is for clients that have shown a certificate, and this one has shown none, or one that has expired since.
    NoClientCertificate,
    /// No route matches host and path.
    NoRoute,
    /// There is no such file.
    NoFile,
    /// There is, and it is closed to the edge; clients are not told that it is there.
    ClosedFile,
    /// A route matches but for the method; these would be served.
    MethodNotAllowed(String),
    /// The body is larger than the route allows.
    BodyTooLarge,
    /// The client is above a rate limit of the route, for so long.
    RateLimited(Duration),
    /// The request has been here before: whatever it is sent to sends it back.
    Loop,
    /// The client wants what is stored and nothing else, and nothing is.
    NotCached,
    /// The pool is at its limit for this class.
    Overloaded,
    /// No endpoint of the pool is healthy.
    NoEndpoint,
    /// The origin took too long.
    OriginTimeout,
    /// The route's deadline has passed, with all that was tried.
    DeadlinePassed,
    /// The origin could not be reached, or answered nonsense.
    OriginFailed,
    /// The edge itself failed.
    Internal,
}

/// How long an overloaded client is asked to wait, before [`Refusal::retry_after_s`] spreads the returns.
const RETRY_OVERLOAD_S: u64 = 1;

impl Refusal {
    /// How a failure looks to the client; `None` if the client itself is gone.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        use ErrorType::{ConnectTimedout, ConnectionClosed, ReadError, ReadTimedout, WriteError, WriteTimedout};
        match (error.esource(), error.etype()) {
            (ErrorSource::Upstream, ConnectTimedout | ReadTimedout | WriteTimedout) => Some(Self::OriginTimeout),
            (ErrorSource::Upstream, _) => Some(Self::OriginFailed),
            (ErrorSource::Downstream, ReadTimedout) => Some(Self::BodyTimeout),
            (ErrorSource::Downstream, WriteError | ReadError | ConnectionClosed | WriteTimedout) => None,
            (ErrorSource::Downstream, _) => Some(Self::BadRequest("its body or framing is broken")),
            (ErrorSource::Internal | ErrorSource::Unset, _) => Some(Self::Internal),
        }
    }

    /// The status code sent.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) => 400,
            Self::NoRoute | Self::NoFile | Self::ClosedFile => 404,
            Self::NoClientCertificate => 403,
            Self::MethodNotAllowed(_) => 405,
            Self::HeaderTimeout | Self::BodyTimeout => 408,
            Self::BodyTooLarge => 413,
            Self::UnknownExpectation => 417,
            Self::Misdirected | Self::OutdatedConnection => 421,
            Self::RateLimited(_) => 429,
            Self::HeaderTooLarge => 431,
            Self::Internal => 500,
            Self::UnknownCoding => 501,
            Self::OriginFailed => 502,
            Self::Overloaded | Self::NoEndpoint => 503,
            Self::OriginTimeout | Self::DeadlinePassed | Self::NotCached => 504,
            Self::UnsupportedVersion => 505,
            Self::Loop => 508,
        }
    }

    /// The `reason` label in metrics and log lines: a fixed set.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad_request",
            Self::HeaderTooLarge => "header_too_large",
            Self::HeaderTimeout => "header_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::UnknownExpectation => "unknown_expectation",
            Self::UnknownCoding => "unknown_coding",
            Self::UnsupportedVersion => "unsupported_version",
            Self::Misdirected => "misdirected",
            Self::OutdatedConnection => "outdated_connection",
            Self::NoClientCertificate => "no_client_certificate",
            Self::NoRoute => "no_route",
            Self::NoFile => "no_file",
            Self::ClosedFile => "closed_file",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::BodyTooLarge => "body_too_large",
            Self::RateLimited(_) => "rate_limited",
            Self::Loop => "loop",
            Self::NotCached => "not_cached",
            Self::Overloaded => "overloaded",
            Self::NoEndpoint => "no_endpoint",
            Self::OriginTimeout => "origin_timeout",
            Self::DeadlinePassed => "deadline",
            Self::OriginFailed => "origin_failed",
            Self::Internal => "internal",
        }
    }

    /// Every label, so that each series is there from the start and its first increase is seen.
    pub(crate) const LABELS: [&'static str; 24] = [
        "bad_request",
        "header_too_large",
        "header_timeout",
        "body_timeout",
        "unknown_expectation",
        "unknown_coding",
        "unsupported_version",
        "misdirected",
        "outdated_connection",
        "no_client_certificate",
        "no_route",
        "no_file",
        "closed_file",
        "method_not_allowed",
        "body_too_large",
        "rate_limited",
        "loop",
        "not_cached",
        "overloaded",
        "no_endpoint",
        "origin_timeout",
        "deadline",
        "origin_failed",
        "internal",
    ];

    /// What the client is told, in one sentence.
    pub(crate) fn text(&self) -> Cow<'static, str> {
        match self {
            Self::BadRequest(why) => Cow::Owned(format!("The request cannot be understood: {why}.")),
            Self::HeaderTooLarge => Cow::Borrowed("The request header is too large."),
            Self::HeaderTimeout => Cow::Borrowed("The request header took too long to arrive."),
            Self::BodyTimeout => Cow::Borrowed("The request body arrives too slowly."),
            Self::UnknownExpectation => Cow::Borrowed("This server cannot do what the request expects of it."),
            Self::UnknownCoding => Cow::Borrowed("This server does not know that transfer encoding."),
            Self::UnsupportedVersion => Cow::Borrowed("This server speaks HTTP/1.0 and HTTP/1.1 here."),
            Self::Misdirected => Cow::Borrowed("This server does not serve that host."),
            Self::OutdatedConnection => Cow::Borrowed("This connection is out of date. Please open a new one."),
            Self::NoClientCertificate => Cow::Borrowed("This address is for clients with a certificate."),
            Self::NoRoute | Self::NoFile | Self::ClosedFile => Cow::Borrowed("There is nothing at this address."),
            Self::MethodNotAllowed(_) => Cow::Borrowed("This address does not take that method."),
            Self::BodyTooLarge => Cow::Borrowed("The request body is too large."),
            Self::RateLimited(_) => Cow::Borrowed("You are sending requests too quickly. Please wait a moment."),
            Self::Loop => Cow::Borrowed("This request goes round in circles."),
            Self::NotCached => Cow::Borrowed("There is no stored answer to this request."),
            Self::Overloaded => Cow::Borrowed("We are very busy right now. Please try again in a moment."),
            Self::NoEndpoint | Self::OriginFailed => {
                Cow::Borrowed("The service is not available right now. Please try again in a moment.")
            }
            Self::OriginTimeout | Self::DeadlinePassed => {
                Cow::Borrowed("The service took too long to answer. Please try again.")
            }
            Self::Internal => Cow::Borrowed("Something went wrong here. Please try again."),
        }
    }

    /// `Retry-After` in seconds, where waiting helps. `random` spreads the returns of clients refused together over
    /// three seconds, so that they do not come back as one wave.
    pub(crate) fn retry_after_s(&self, random: u64) -> Option<u64> {
        match self {
            Self::RateLimited(wait) => Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
            Self::Overloaded | Self::NoEndpoint => Some(RETRY_OVERLOAD_S + random % 3),
            _ => None,
        }
    }

    /// Whether the connection can no longer be trusted to frame the next request, or is of no more use.
    pub(crate) fn closes_connection(&self) -> bool {
        matches!(
            self,
            Self::BadRequest(_)
                | Self::HeaderTooLarge
                | Self::BodyTooLarge
                | Self::BodyTimeout
                | Self::OutdatedConnection
                | Self::UnknownExpectation
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_limit_never_asks_for_zero_seconds() {
        let wait = |ms| Refusal::RateLimited(Duration::from_millis(ms)).retry_after_s(0);
        assert_eq!((wait(1), wait(1000), wait(1001)), (Some(1), Some(1), Some(2)));
    }

    #[test]
    fn the_list_of_labels_is_whole() {
        let refusals = [
            Refusal::BadRequest(""),
            Refusal::HeaderTooLarge,
            Refusal::HeaderTimeout,
            Refusal::BodyTimeout,
            Refusal::UnknownExpectation,
            Refusal::UnknownCoding,
            Refusal::UnsupportedVersion,
            Refusal::Misdirected,
            Refusal::OutdatedConnection,
            Refusal::NoClientCertificate,
            Refusal::NoRoute,
            Refusal::NoFile,
            Refusal::ClosedFile,
            Refusal::MethodNotAllowed(String::new()),
            Refusal::BodyTooLarge,
            Refusal::RateLimited(Duration::ZERO),
            Refusal::Loop,
            Refusal::NotCached,
            Refusal::Overloaded,
            Refusal::NoEndpoint,
            Refusal::OriginTimeout,
            Refusal::DeadlinePassed,
            Refusal::OriginFailed,
            Refusal::Internal,
        ];
        assert_eq!(refusals.map(|refusal| refusal.label()), Refusal::LABELS);
    }

    #[test]
    fn overload_spreads_the_returns() {
        let seconds: Vec<_> = (0..3).map(|random| Refusal::Overloaded.retry_after_s(random)).collect();
        assert_eq!(seconds, [Some(1), Some(2), Some(3)]);
        assert_eq!(Refusal::NoRoute.retry_after_s(0), None);
    }
}
