//! The whole configuration as it is in effect: every value written out, each with where it comes from.
//!
//! The values are the model's, so they are what the edge works with. The schema says which keys there are, in which
//! order, and what stands in for those that have no value; the tree says where each was written.

use std::collections::HashMap;

mod values;

use crate::{
    model,
    problem::{At, Place, printable},
    schema::{
        self,
        describe::{Mapping, Shape},
    },
    source::Sources,
    tree::{Node, Value},
};
pub(crate) use values::{Yaml, config as values_of};

/// Renders `config`, which was read from `root`.
pub(crate) fn render(config: &model::Config, root: &Node, sources: &Sources) -> String {
    let mut places = HashMap::new();
    collect(root, &At::root(root.place), &mut places);
    let mut page = Page { places, sources, text: String::new() };
    let mut all = schema::Config::mapping();
    // What is included stands here itself.
    all.keys.retain(|key| key.name != "include");
    page.mapping(&all, &values::config(config), "", 0);
    page.text
}

/// Where each value is written, by its dotted path.
fn collect(node: &Node, at: &At, places: &mut HashMap<String, Place>) {
    match &node.value {
        Value::Map(entries) => {
            for (key, value) in entries {
                let at = at.key(&key.name, key.place);
                places.insert(at.to_string(), key.place);
                collect(value, &at, places);
            }
        }
        Value::List(items) => {
            for (n, item) in items.iter().enumerate() {
                let at = at.index(n, item.place);
                places.insert(at.to_string(), item.place);
                collect(item, &at, places);
            }
        }
        _ => {}
    }
}

/// The text while it is written.
struct Page<'a> {
    places: HashMap<String, Place>,
    sources: &'a Sources,
    text: String,
}

impl Page<'_> {
    /// The keys of a mapping in the order of the schema, at `indent` spaces.
    fn mapping(&mut self, mapping: &Mapping, entries: &[(String, Yaml)], path: &str, indent: usize) {
        for key in &mapping.keys {
            let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            if let Some((_, value)) = entries.iter().find(|(name, _)| name == key.name) {
                self.entry(key.name, &key.shape, value, &path, indent);
            } else if let Some(default) = key.default() {
                self.text.push_str(&format!("{:indent$}# {}: {default}  # default\n", "", key.name));
            } else {
                self.text.push_str(&format!("{:indent$}# {}  # not written\n", "", key.name));
            }
        }
        debug_assert!(
            entries.iter().all(|(name, _)| mapping.keys.iter().any(|key| key.name == name)),
            "a key that the schema does not know: {entries:?}"
        );
    }

    fn entry(&mut self, key: &str, shape: &Shape, value: &Yaml, path: &str, indent: usize) {
        self.text.push_str(&format!("{:indent$}{}:", "", values::scalar(key)));
        self.value(shape, value, path, indent);
    }

    /// A value behind `key:` or `-`, which stands at `indent`.
    fn value(&mut self, shape: &Shape, value: &Yaml, path: &str, indent: usize) {
        let origin = self.origin(path);
        match value {
            Yaml::Scalar(text) => self.text.push_str(&format!(" {text}  # {origin}\n")),
            Yaml::List(items) if items.is_empty() => self.text.push_str(&format!(" []  # {origin}\n")),
            Yaml::Map(entries) if entries.is_empty() => self.text.push_str(&format!(" {{}}  # {origin}\n")),
            Yaml::List(items) => {
                self.text.push_str(&format!("  # {origin}\n"));
                let shape = item_of(shape);
                for (n, item) in items.iter().enumerate() {
                    self.item(shape, item, &format!("{path}[{n}]"), indent + 2);
                }
            }
            Yaml::Map(entries) => {
                self.text.push_str(&format!("  # {origin}\n"));
                self.map(shape, entries, path, indent + 2);
            }
        }
    }

    fn item(&mut self, shape: &Shape, item: &Yaml, path: &str, indent: usize) {
        match item {
            Yaml::Map(entries) if !entries.is_empty() => {
                let begins = self.text.len();
                self.map(shape, entries, path, indent + 2);
                self.text.replace_range(begins + indent..=begins + indent, "-");
            }
            item => {
                self.text.push_str(&format!("{:indent$}-", ""));
                self.value(shape, item, path, indent);
            }
        }
    }

    fn map(&mut self, shape: &Shape, entries: &[(String, Yaml)], path: &str, indent: usize) {
        match shape {
            Shape::Mapping(mapping) => self.mapping(mapping, entries, path, indent),
            Shape::Named(of) => {
                for (name, value) in entries {
                    self.entry(name, of, value, &format!("{path}.{name}"), indent);
                }
            }
            Shape::Either(shapes) => {
                let fits = |shape: &&Shape| matches!(shape, Shape::Mapping(_) | Shape::Named(_));
                if let Some(shape) = shapes.iter().find(fits) {
                    self.map(shape, entries, path, indent);
                }
            }
            other => debug_assert!(false, "a mapping at {path}, where the schema has {other:?}"),
        }
    }

    /// Where a value comes from. What is written in a short form, as a single item for a list or an address for an
    /// endpoint, comes from the place of that.
    fn origin(&self, path: &str) -> String {
        let short_form = || {
            let above = path.strip_suffix("[0]").or_else(|| path.strip_suffix(".address"))?;
            self.places.get(above)
        };
        match self.places.get(path).or_else(short_form) {
            None => "default".into(),
            Some(place) => {
                let file = self.sources.path(place.file);
                let name = file.file_name().unwrap_or(file.as_os_str());
                // Among many files, the name alone may not tell which.
                let shown = if self.sources.files().count() == 1 { name.display() } else { file.as_os_str().display() };
                format!("{}:{}", printable(&shown.to_string()), place.line)
            }
        }
    }
}

fn item_of(shape: &Shape) -> &Shape {
    match shape {
        Shape::List(of) | Shape::OneOrMany(of) => of,
        Shape::Either(shapes) => {
            let list = shapes.iter().find(|shape| matches!(shape, Shape::List(_) | Shape::OneOrMany(_)));
            list.map_or(shape, item_of)
        }
        other => other,
    }
}
