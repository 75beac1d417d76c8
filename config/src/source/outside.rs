//! Problems with what the files name outside of themselves, such as a certificate: shown where it is named.

use super::Sources;
use crate::{
    problem::{At, Code, Place, Problems, Report},
    tree::{Node, Value},
};

/// Something that is not as the configuration says, although what is written is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// What kind of problem it is.
    pub code: Code,
    /// Dotted path of the value that names it, such as `listeners.secure.tls.certificates[0].chain`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Sources {
    /// The same with the places in the files; `None` if there is nothing. A path that leads nowhere ends at the last
    /// value on its way.
    pub fn locate(&self, found: Vec<Outside>) -> Option<Problems> {
        if found.is_empty() {
            return None;
        }
        let mut report = Report::new(self.files.iter().map(|file| file.path.clone()));
        // They were read before, or nothing could have been found of what they name.
        let root = self.root(&mut Report::default());
        for Outside { code, path, message, hint } in found {
            let at = root.as_ref().map_or_else(|| At::root(Place::START), |root| find(root, &path));
            match hint {
                Some(hint) => report.refuse_with_hint(code, &at, message, hint),
                None => report.refuse(code, &at, message),
            }
        }
        report.into_problems(self)
    }
}

impl Sources {
    /// Where the value at a dotted path such as `routes[2].pool` stands: `edge.yaml:12`; `None` if it is not written.
    pub fn place(&self, path: &str) -> Option<String> {
        let at = self.find(path)?;
        let place = at.place;
        (at.to_string() == path).then(|| format!("{}:{}", self.path(place.file).display(), place.line))
    }

    /// Where the value at a dotted path stands, or the last value on its way. `None`: there is no tree.
    pub(super) fn find(&self, path: &str) -> Option<At> {
        self.root(&mut Report::default()).map(|root| find(&root, path))
    }
}

/// Where the value at a path stands.
fn find(root: &Node, path: &str) -> At {
    let (mut node, mut at) = (root, At::root(root.place));
    // `a.b[2].c` is `a`, `b`, `2]`, `c`.
    for step in path.split(['.', '[']) {
        let next = match (&node.value, step.strip_suffix(']')) {
            (Value::Map(entries), None) => entries.iter().find(|(key, _)| key.name == step).map(|(_, node)| node),
            (Value::List(items), Some(index)) => index.parse().ok().and_then(|index: usize| items.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        at = match step.strip_suffix(']').and_then(|index| index.parse().ok()) {
            Some(index) => at.index(index, next.place),
            None => at.key(step, next.place),
        };
        node = next;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_has_a_place() {
        let sources = Sources::of_text("list:\n  - {b: 2}\n  - {b: 3, c: x}\n", "edge.yaml");
        assert_eq!(sources.place("list[1].c").as_deref(), Some("edge.yaml:3"));
        assert_eq!(sources.place("list[0].c"), None);
    }

    #[test]
    fn a_problem_stands_where_its_path_leads() {
        let sources = Sources::of_text("a: 1\nlist:\n  - {b: 2}\n  - {b: 3, c: x}\n", "edge.yaml");
        let outside = |path: &str| Outside {
            code: Code::WrongCertificate,
            path: path.to_owned(),
            message: "is not there".to_owned(),
            hint: None,
        };
        let found = ["list[1].c", "a", "list[7].c", "list[0].none"].map(outside);
        let problems = sources.locate(found.into()).unwrap();
        let places: Vec<_> = problems.iter().map(|p| (p.path.as_str(), p.line, p.column)).collect();
        assert_eq!(places, [("a", 1, 4), ("list", 3, 3), ("list[0]", 3, 5), ("list[1].c", 4, 15)]);
        assert!(problems.to_string().contains("  4 |   - {b: 3, c: x}\n"), "{problems}");
        assert_eq!(sources.locate(Vec::new()), None);
    }
}
