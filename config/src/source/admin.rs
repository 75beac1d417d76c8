//! The `admin` section of a file alone: where an edge is reached while the rest of the file is half edited.

use std::path::Path;

use super::{Sources, Text, text};
use crate::{
    check,
    model::{Admin, Secret},
    problem::{At, FileId, Problems, Report},
    schema::{self, read::Read as _},
    tree::{self, Value},
};

/// Where the edge that runs with a configuration file is reached, and where the token stands that it asks for. The file
/// need not be good otherwise, nor even YAML: who has to go back has no time to repair it.
///
/// # Errors
/// The file cannot be read, or its `admin` section is wrong.
pub fn admin_of(path: &Path) -> Result<(Admin, Option<Secret>), Problems> {
    let text = text::read(path).map_err(|fault| fault.of_main(path))?;
    let section = section(&text);
    let of = |text| Sources { files: vec![Text { path: path.to_owned(), text }], tree: None }.admin();
    // All of it first: an alias in the section may stand for a value elsewhere.
    of(text).or_else(|problems| of(section.ok_or(problems)?))
}

impl Sources {
    fn admin(&self) -> Result<(Admin, Option<Secret>), Problems> {
        let mut report = Report::new(self.files.iter().map(|file| file.path.clone()));
        let admin = self.written_admin(&mut report).map(|admin| check::admin(&admin, self, &mut report));
        match report.into_problems(self) {
            Some(problems) => Err(problems),
            None => Ok(admin.expect("what was refused has been reported")),
        }
    }

    fn written_admin(&self, report: &mut Report) -> Option<schema::Admin> {
        let root = tree::parse(&self.files.first()?.text, FileId::of(0), report)?;
        let Value::Map(entries) = &root.value else { return Some(schema::Admin::default()) };
        let Some((key, node)) = entries.iter().find(|(key, _)| key.name == "admin") else {
            return Some(schema::Admin::default());
        };
        schema::Admin::read(node, &At::root(root.place).key(&key.name, node.place), report)
    }
}

/// The same text with all lines but those of the block `admin` emptied, so that places stay. `None`: there is no such
/// block.
fn section(text: &str) -> Option<String> {
    let mut inside = false;
    let mut section = String::new();
    let mut found = false;
    for line in text.split_inclusive('\n') {
        if !line.starts_with([' ', '\t', '#', '\r', '\n']) {
            inside = line.strip_prefix("admin").is_some_and(|rest| rest.trim_start().starts_with(':'));
            found |= inside;
        }
        section.push_str(if inside { line } else { "\n" });
    }
    found.then_some(section)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin(text: &str) -> Result<(String, Option<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("edge.yaml");
        std::fs::write(&file, text).unwrap();
        let (admin, token) = admin_of(&file).map_err(|problems| problems.to_string())?;
        Ok((admin.bind.to_string(), token.map(|token| token.to_string())))
    }

    #[test]
    fn it_is_read_whatever_became_of_the_rest() {
        let good = Ok(("127.0.0.1:1".to_owned(), Some("env:T".to_owned())));
        for text in [
            "admin: {bind: \"127.0.0.1:1\", token: \"env:T\"}\n",
            "version: 9\nno_key: [\n]\nadmin: {bind: \"127.0.0.1:1\", token: \"env:T\"}\ninclude: none/*.yaml\n",
            "routes: [{name: half\nadmin:\n  # where\n\n  bind: 127.0.0.1:1\n  token: env:T\npools: {a: \"\n",
            "pools: \"half\nadmin :\n  bind: 127.0.0.1:1\n  token: env:T\nadministrators: {}\n",
            "x: &token env:T\nadmin: {bind: \"127.0.0.1:1\", token: *token}\n",
        ] {
            assert_eq!(admin(text), good, "{text}");
        }
        assert_eq!(admin("version: 1\n"), Ok(("127.0.0.1:9901".to_owned(), None)), "what is left out has its default");
    }

    #[test]
    fn what_is_wrong_with_it_is_told_where_it_stands() {
        let said = admin("routes: [\nadmin:\n  bind: nowhere\n").unwrap_err();
        assert!(said.contains("edge.yaml:3:9: ") && said.contains("`nowhere`"), "{said}");
        let said = admin("routes: [\n").unwrap_err();
        assert!(said.contains("edge.yaml:"), "{said}");
    }
}
