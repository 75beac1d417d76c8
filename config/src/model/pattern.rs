//! What a host or a path may look like to match a route.

use std::fmt;

/// A host name, or all names one label below a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// One name, in lower case, without port.
    Exact(String),
    /// `*.example.com`, kept as `example.com`: any one label before it.
    Wildcard(String),
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(base) => write!(f, "*.{base}"),
        }
    }
}

/// A path template, cut into segments.
///
/// Segments are what stands between slashes after the first one, so `/` is one empty segment and `/cart/` ends with
/// one. `/cart` is exact, `/product/{id}` takes one segment, `/static/**` takes `/static` and everything below it.
///
/// Of several that match, the most specific wins: segment by segment from the left, literal before parameter before
/// rest, so `/product/new` comes before `/product/{id}` before `/product/**` before `/**`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// As written.
    pub raw: String,
    /// In order; [`Segment::Rest`] only as the last.
    pub segments: Vec<Segment>,
}

/// One part of a path between two slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Just this text, in the spelling of a normalised path: unreserved characters plain, others percent-encoded in
    /// upper case.
    Literal(String),
    /// Any one non-empty segment, under this name.
    Parameter(String),
    /// Everything that is left, also nothing.
    Rest,
}
