//! What a host or a path may look like to match a route.

/// A host name, or all names one label below a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// One name, in lower case, without port.
    Exact(String),
    /// `*.example.com`, kept as `example.com`: any one label before it.
    Wildcard(String),
}

/// A path template, cut into segments.
///
/// `/cart` is exact, `/product/{id}` takes one segment, `/static/**` takes the rest (also an empty one).
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
    /// Just this text.
    Literal(String),
    /// Any one non-empty segment, under this name.
    Parameter(String),
    /// Everything that is left.
    Rest,
}
