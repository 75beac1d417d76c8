//! What must hold of a request beyond host, path and method.

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// What is looked at.
    pub on: Attribute,
    /// What must hold of it.
    pub test: Test,
}

/// A part of a request that may occur never, once or more often.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    /// The lines of a header field, by its name in lower case.
    Header(String),
    /// The occurrences of a query parameter, by its name after percent-decoding.
    Query(String),
}

/// What must hold of an attribute. Of several occurrences the first counts, so that two different exact values exclude
/// each other. Values are compared byte by byte, those of the query after percent-decoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// The first occurrence is just this.
    Is(String),
    /// The first occurrence starts so.
    Prefix(String),
    /// The first occurrence holds this somewhere.
    Contains(String),
    /// It occurs.
    Present,
    /// It does not occur.
    Absent,
}

impl Condition {
    /// Whether no request can satisfy both.
    pub fn excludes(&self, other: &Self) -> bool {
        if self.on != other.on {
            return false;
        }
        match (&self.test, &other.test) {
            (Test::Absent, test) | (test, Test::Absent) => *test != Test::Absent,
            (Test::Is(one), Test::Is(two)) => one != two,
            (Test::Is(is), Test::Prefix(prefix)) | (Test::Prefix(prefix), Test::Is(is)) => {
                !is.starts_with(prefix.as_str())
            }
            (Test::Is(is), Test::Contains(part)) | (Test::Contains(part), Test::Is(is)) => !is.contains(part.as_str()),
            (Test::Prefix(one), Test::Prefix(two)) => !one.starts_with(two.as_str()) && !two.starts_with(one.as_str()),
            (Test::Present | Test::Contains(_), _) | (_, Test::Present | Test::Contains(_)) => false,
        }
    }
}
