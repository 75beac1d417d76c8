//! Paths of one host as a tree of segments.

use std::sync::Arc;

use config::model::{self, PathPattern, RouteId, Segment};
use memchr::memchr;

use super::{Asked, Names, condition::Condition};

/// A node: what may follow the path so far, and which routes end here.
#[derive(Debug, Default)]
pub(super) struct Tree {
    literal: Literals,
    parameter: Option<Box<Tree>>,
    /// Routes whose pattern ends here, the most specific first.
    here: Vec<Target>,
    /// Routes whose pattern takes everything from here, the most specific first.
    rest: Vec<Target>,
}

/// Literal segments, and what follows each. A few are compared one by one, which costs less than a hash.
#[derive(Debug)]
enum Literals {
    Few(Vec<(Box<str>, Tree)>),
    Many(Names<Tree>),
}

const FEW: usize = 8;

/// A route at the end of one of its patterns.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) route: RouteId,
    /// Position in the route's paths.
    pub(super) pattern: usize,
    pub(super) requirements: Arc<Requirements>,
}

/// What a route asks of a request beyond host and path.
#[derive(Debug)]
pub(super) struct Requirements {
    /// Empty takes every method.
    methods: Vec<String>,
    conditions: Vec<Condition>,
}

impl Requirements {
    pub(super) fn new(methods: &[String], conditions: &[model::Condition]) -> Self {
        Self { methods: methods.to_vec(), conditions: conditions.iter().map(Condition::new).collect() }
    }

    pub(super) fn hold(&self, asked: &Asked<'_>) -> bool {
        self.method_holds(asked) && self.conditions_hold(asked)
    }

    pub(super) fn method_holds(&self, asked: &Asked<'_>) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|method| method == asked.method)
    }

    pub(super) fn conditions_hold(&self, asked: &Asked<'_>) -> bool {
        self.failing(asked).is_none()
    }

    /// Position of the first condition that does not hold.
    pub(super) fn failing(&self, asked: &Asked<'_>) -> Option<usize> {
        self.conditions.iter().position(|condition| !condition.holds(asked))
    }

    pub(super) fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(String::as_str)
    }

    /// Larger is more specific: a named method before any, then more conditions.
    fn specificity(&self) -> (bool, usize) {
        (!self.methods.is_empty(), self.conditions.len())
    }
}

impl Tree {
    pub(super) fn insert(&mut self, path: &PathPattern, target: Target) {
        let mut node = self;
        for segment in &path.segments {
            node = match segment {
                Segment::Literal(text) => node.literal.or_default(text),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
                Segment::Rest => return insert_sorted(&mut node.rest, target),
            };
        }
        insert_sorted(&mut node.here, target);
    }

    /// Shows every route whose pattern matches a path, the most specific first, until `visit` returns something.
    pub(super) fn walk<'t, T>(&'t self, path: &str, visit: &mut impl FnMut(&'t Target) -> Option<T>) -> Option<T> {
        self.descend(Some(path.strip_prefix('/').unwrap_or(path)), visit)
    }

    /// `left` is the path still to match, without its first slash; `None` at its end.
    fn descend<'t, T>(&'t self, left: Option<&str>, visit: &mut impl FnMut(&'t Target) -> Option<T>) -> Option<T> {
        let Some(left) = left else {
            return self.here.iter().chain(&self.rest).find_map(visit);
        };
        let (segment, after) = match memchr(b'/', left.as_bytes()) {
            Some(at) => (&left[..at], Some(&left[at + 1..])),
            None => (left, None),
        };
        if let Some(literal) = self.literal.get(segment)
            && let Some(found) = literal.descend(after, visit)
        {
            return Some(found);
        }
        if let Some(parameter) = self.parameter.as_deref().filter(|_| !segment.is_empty())
            && let Some(found) = parameter.descend(after, visit)
        {
            return Some(found);
        }
        self.rest.iter().find_map(visit)
    }
}

impl Literals {
    fn or_default(&mut self, text: &str) -> &mut Tree {
        if let Self::Few(few) = self
            && few.len() == FEW
            && few.iter().all(|(own, _)| **own != *text)
        {
            *self = Self::Many(few.drain(..).map(|(text, tree)| (text.into(), tree)).collect());
        }
        match self {
            Self::Few(few) => {
                let known = few.iter().position(|(own, _)| **own == *text);
                let at = known.unwrap_or_else(|| {
                    few.push((text.into(), Tree::default()));
                    few.len() - 1
                });
                &mut few[at].1
            }
            Self::Many(many) => many.entry(text.to_owned()).or_default(),
        }
    }

    fn get(&self, text: &str) -> Option<&Tree> {
        match self {
            Self::Few(few) => few.iter().find(|(own, _)| **own == *text).map(|(_, tree)| tree),
            Self::Many(many) => many.get(text),
        }
    }
}

impl Default for Literals {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// Inserts behind what is as specific: of routes that exclude each other, none is more so.
fn insert_sorted(targets: &mut Vec<Target>, target: Target) {
    let specificity = target.requirements.specificity();
    let at = targets.partition_point(|other| other.requirements.specificity() >= specificity);
    targets.insert(at, target);
}
