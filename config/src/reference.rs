//! The reference of the configuration language in Markdown, made from the schema's own doc comments.

use std::fmt::Write as _;

use crate::{
    Code,
    schema::{
        self,
        describe::{Change, Key, Mapping, Shape, change, paragraph},
        read::Read as _,
    },
};

const INTRODUCTION: &str = "\
<!-- Made from the doc comments of the schema: `BLESS=1 cargo test -p config reference` writes it. -->

# The configuration of the edge

One YAML file, and what it includes. `edge check FILE` says everything that is wrong with it: file, line, column, the code of
the problem and what to do. What is accepted has an effect; a key that is not known is refused.

- Quantities have a unit: times `ms`, `s`, `m`, `h`, `d`; sizes `B`, `KiB`, `MiB`, `GiB`, `TiB`; shares `%`; rates `/s`, `/m`,
  `/h`, with `k` for thousands. A number without one is refused.
- `live`: a reload changes it, and requests in flight end under what they began with. `restart`: only a new process does;
  a reload says so and changes nothing.
- Secrets are written as the place where they stand.
- For completion and checks in an editor: `edge schema > edge.schema.json`, and as the first line of the file
  `# yaml-language-server: $schema=edge.schema.json`.

In the paths below, `*` is a name of your choice and `[]` an item of a list.
";

/// Everything that may be written, and every problem that may be reported, in Markdown.
pub fn reference() -> String {
    let root = schema::Config::shape();
    let mut sections = Vec::new();
    collect(&root, "", None, &mut sections);

    let mut page = String::from(INTRODUCTION);
    page.push_str("\n## Contents\n\n");
    for section in &sections {
        let is_above = |path: &str| !path.is_empty() && path != section.path && section.path.starts_with(path);
        let depth = sections.iter().filter(|other| is_above(&other.path)).count();
        let summary = paragraph(section.mapping.doc);
        let summary = summary.split_once(". ").map_or(summary.as_str(), |(first, _)| first).trim_end_matches('.');
        writeln!(page, "{}- [{}](#{}): {summary}", "  ".repeat(depth), title(&section.path), anchor(&section.path))
            .expect("a string takes all");
    }
    page.push_str("- [Problems](#problems): the codes that `edge check` reports\n");
    for section in &sections {
        section.write(&sections, &mut page);
    }
    write_problems(&mut page);
    page
}

/// Every key that may be written, as a dotted path such as `routes[].match.path`: `*` is a name of the user's choice, `[]`
/// an item of a list.
pub fn keys() -> Vec<String> {
    let mut keys = Vec::new();
    schema::Config::shape().walk("", &mut |path, _| keys.push(path.to_owned()));
    keys
}

/// A mapping at the first place where it may stand.
struct Section<'a> {
    path: String,
    mapping: &'a Mapping,
    /// What is known of its changes from above.
    change: Option<Change>,
}

/// Collects the mappings in `shape`, each once, in the order of the schema.
fn collect<'a>(shape: &'a Shape, path: &str, from_above: Option<Change>, sections: &mut Vec<Section<'a>>) {
    match shape {
        Shape::Mapping(mapping) => {
            if sections.iter().any(|section| section.mapping.name == mapping.name) {
                return;
            }
            let own = change(mapping.doc).or(from_above);
            sections.push(Section { path: path.to_owned(), mapping, change: own });
            for key in &mapping.keys {
                let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
                collect(&key.shape, &path, change(key.doc).or(own), sections);
            }
        }
        Shape::Named(of) => collect(of, &format!("{path}.*"), from_above, sections),
        Shape::List(of) | Shape::OneOrMany(of) => collect(of, &format!("{path}[]"), from_above, sections),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| collect(shape, path, from_above, sections)),
        Shape::Words(_) | Shape::Truth | Shape::Number { .. } | Shape::Only(_) | Shape::Text(_) => {}
    }
}

impl Section<'_> {
    fn write(&self, all: &[Section<'_>], page: &mut String) {
        let write = &mut |line: String| {
            page.push_str(&line);
            page.push('\n');
        };
        write(format!("\n## {}\n\n{}\n", title(&self.path), paragraph(self.mapping.doc)));
        write("| Key | Takes | Default | Change |\n|---|---|---|---|".into());
        for key in &self.mapping.keys {
            let default = if key.required { "required".into() } else { key.default().unwrap_or_else(|| "–".into()) };
            let change = match change(key.doc).or(self.change) {
                Some(Change::Live) => "live",
                Some(Change::Restart) => "restart",
                None => "–",
            };
            let takes = takes(&key.shape, all).replace('|', "\\|");
            write(format!("| `{}` | {takes} | {default} | {change} |", key.name));
        }
        for Key { name, doc, .. } in &self.mapping.keys {
            write(format!("\n**`{name}`** {}", paragraph(doc)));
        }
    }
}

/// A shape in words.
fn takes(shape: &Shape, sections: &[Section<'_>]) -> String {
    match shape {
        Shape::Mapping(mapping) => {
            let section = sections.iter().find(|section| section.mapping.name == mapping.name);
            let path = section.map_or("", |section| &section.path);
            format!("[a mapping](#{})", anchor(path))
        }
        Shape::Named(of) => format!("names, each with {}", takes(of, sections)),
        Shape::List(of) => format!("a list, each item {}", takes(of, sections)),
        Shape::OneOrMany(of) => format!("{}, or a list", takes(of, sections)),
        Shape::Either(shapes) => shapes.iter().map(|shape| takes(shape, sections)).collect::<Vec<_>>().join(", or "),
        Shape::Words(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or "),
        Shape::Truth => "`true` or `false`".into(),
        Shape::Number { .. } => "a whole number".into(),
        Shape::Only(number) => format!("`{number}`"),
        Shape::Text(form) if form.example.is_empty() => form.what.into(),
        Shape::Text(form) => form.expected(),
    }
}

fn title(path: &str) -> String {
    if path.is_empty() { "The whole file".into() } else { format!("`{path}`") }
}

/// What a heading with this title is linked by.
fn anchor(path: &str) -> String {
    if path.is_empty() {
        return "the-whole-file".into();
    }
    path.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn write_problems(page: &mut String) {
    page.push_str(
        "\n## Problems\n\nEach problem has a number, which stays the same for ever: `edge check --explain E0103` prints what \
         stands here.\nNumbers beginning with `E01` are about the form of a file, with `E02` about single values, with `E03` \
         about what\nvalues mean together.\n",
    );
    for code in Code::ALL {
        writeln!(page, "\n### {} {}\n\n{}", code.number(), code.name(), code.explanation())
            .expect("a string takes all");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_has_a_link_of_its_own() {
        let root = schema::Config::shape();
        let mut sections = Vec::new();
        collect(&root, "", None, &mut sections);
        let links: std::collections::BTreeSet<_> = sections.iter().map(|section| anchor(&section.path)).collect();
        assert_eq!(links.len(), sections.len());
    }

    #[test]
    fn every_key_says_what_it_is_its_default_and_what_a_change_takes() {
        let root = schema::Config::shape();
        let mut sections = Vec::new();
        collect(&root, "", None, &mut sections);
        let mut unsaid = String::new();
        for Section { path, mapping, change: from_above } in &sections {
            for key in &mapping.keys {
                let mut say = |what| writeln!(unsaid, "{path}.{}: {what}", key.name).unwrap();
                if !paragraph(key.doc).ends_with('.') {
                    say("what it is");
                }
                if matches!(key.shape, Shape::Mapping(_)) {
                    continue;
                }
                if !key.required && key.default().is_none() {
                    say("its default");
                }
                if change(key.doc).or(*from_above).is_none() {
                    say("live or restart");
                }
            }
        }
        assert!(unsaid.is_empty(), "not said in the doc comments:\n{unsaid}");
    }
}
