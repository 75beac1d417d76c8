//! Endpoints in files of their own: lists like `endpoints` of a pool, written by whoever knows which servers there are.

use std::{collections::BTreeMap, path::Path};

use super::{Sources, Text, text};
use crate::{
    check,
    model::{Config, Endpoint, Pool},
    problem::{At, Code, FileId, Place, Problems, Report},
    schema::{AnyEndpoint, read::Read as _, read::Written},
    tree::{self, Value},
};

/// Reads and checks a file that a pool names as its `endpoints_file`: at least one endpoint, addresses unique.
///
/// # Errors
/// The file cannot be read, or everything that is wrong with what it says.
pub fn endpoints(path: &Path) -> Result<Vec<Endpoint>, Problems> {
    let text = text::read(path).map_err(|fault| fault.of_main(path))?;
    interpret(path, text)
}

impl Sources {
    /// Everything that is wrong with the endpoints' files of the configuration that these are the sources of: one that
    /// cannot be read is shown where it is named, and what is wrong in one where it stands there. `None`: nothing is.
    pub fn check_endpoints_files(&self, config: &Config) -> Option<Problems> {
        let mut report = Report::new(self.files.iter().map(|file| file.path.clone()));
        let mut wrong = BTreeMap::new();
        for Pool { name, endpoints_file, .. } in &config.live.pools {
            let Some(path) = endpoints_file else { continue };
            match text::read(path) {
                Ok(text) => wrong.extend(interpret(path, text).err().map(|problems| (path, problems))),
                Err(fault) => {
                    let at = self.find(&format!("pools.{name}.endpoints_file"));
                    fault.of_included(path, &at.unwrap_or_else(|| At::root(Place::START)), &mut report);
                }
            }
        }
        report.into_problems(self).into_iter().chain(wrong.into_values()).reduce(Problems::and)
    }
}

fn interpret(path: &Path, text: String) -> Result<Vec<Endpoint>, Problems> {
    let sources = Sources { files: vec![Text { path: path.to_owned(), text }], tree: None };
    let mut report = Report::new([path.to_owned()]);
    let endpoints = read(&sources.files[0].text, &mut report);
    match report.into_problems(&sources) {
        Some(problems) => Err(problems),
        None => Ok(endpoints.expect("what was refused has been reported")),
    }
}

/// `None`: `report` says why.
fn read(text: &str, report: &mut Report) -> Option<Vec<Endpoint>> {
    let root = tree::parse(text, FileId::of(0), report)?;
    let at = At::root(root.place);
    if matches!(root.value, Value::Null) {
        let hint = "write a list, such as `- \"127.0.0.1:9101\"`";
        report.refuse_with_hint(Code::MissingKey, &at, "the file says nothing", hint);
        return None;
    }
    let written = Written::<Vec<AnyEndpoint>>::read(&root, &at, report)?;
    Some(check::endpoints_of_file(&written, report))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.yaml");
        std::fs::write(&file, text).unwrap();
        let found =
            endpoints(&file).map_err(|p| p.to_string().replace(&format!("{}/", folder.path().display()), ""))?;
        Ok(found.iter().map(|endpoint| format!("{} {}", endpoint.address, endpoint.weight)).collect())
    }

    #[test]
    fn a_file_says_the_same_as_the_key() {
        let good =
            said("# made by hand\n- \"127.0.0.1:9101\"\n- {address: shop.internal:80, weight: 3, zone: eu-1a}\n");
        assert_eq!(good, Ok(vec!["127.0.0.1:9101 1".to_owned(), "shop.internal:80 3".to_owned()]));
    }

    #[test]
    fn what_is_wrong_is_told_where_it_stands() {
        for (text, problem) in [
            (
                "- \"127.0.0.1:9101\"\n- \"127.0.0.1:9101\"\n",
                "shop.yaml:2:3: E0303 [1]: the endpoint `127.0.0.1:9101` is wri",
            ),
            (
                "- {address: \"127.0.0.1:9101\", weight: 0}\n",
                "shop.yaml:1:39: E0203 [0].weight: 0 is out of range: 1 to 10",
            ),
            ("- {addres: \"127.0.0.1:9101\"}\n", "shop.yaml:1:4: E0103 [0].addres: unknown key `addres`\n"),
            (
                "- 127.0.0.1\n",
                "shop.yaml:1:3: E0207 [0]: expected an address such as `127.0.0.1:9101`, found `127.0.0.1`\n",
            ),
            ("[]\n", "shop.yaml:1:1: E0204: at least one endpoint is needed\n"),
            ("endpoints: [\"127.0.0.1:9101\"]\n", "shop.yaml:1:1: E0106: expected a list, found a mapping\n"),
            ("", "shop.yaml:1:1: E0105: the file says nothing\n"),
            ("- [\n", "shop.yaml:"),
        ] {
            let said = said(text).unwrap_err();
            assert!(said.starts_with(problem), "{said}");
        }
        let missing = endpoints(Path::new("no/such.yaml")).unwrap_err().to_string();
        assert!(missing.starts_with("no/such.yaml: E0102: cannot be read: No such file"), "{missing}");
    }

    #[test]
    fn a_missing_file_is_shown_where_it_is_named_and_a_wrong_one_where_it_is_wrong() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("wrong.yaml"), "- \"127.0.0.1:0\"\n").unwrap();
        let text = "version: 1\nlisteners: {plain: {bind: \"127.0.0.1:0\"}}\nclasses: [all]\npools:\n  \
                    gone: {endpoints_file: gone.yaml}\n  wrong: {endpoints_file: wrong.yaml}\nroutes:\n\
                    - {name: a, match: {path: /a}, pool: gone, class: all}\n\
                    - {name: b, match: {path: /b}, pool: wrong, class: all}\n";
        let sources = Sources::with_main(text.to_owned(), &folder.path().join("edge.yaml")).unwrap();
        let config = sources.interpret().unwrap_or_else(|problems| panic!("{problems}"));
        let problems = sources.check_endpoints_files(&config).unwrap();
        let places: Vec<_> = problems
            .iter()
            .map(|p| {
                (
                    p.file.file_name().unwrap().to_str().unwrap(),
                    p.line,
                    p.column,
                    p.path.as_str(),
                    p.source_line.as_str(),
                )
            })
            .collect();
        assert_eq!(
            places,
            [
                ("edge.yaml", 5, 26, "pools.gone.endpoints_file", "  gone: {endpoints_file: gone.yaml}"),
                ("wrong.yaml", 1, 3, "[0]", "- \"127.0.0.1:0\""),
            ],
            "{problems}"
        );
        std::fs::write(folder.path().join("wrong.yaml"), "- \"127.0.0.1:1\"\n").unwrap();
        std::fs::write(folder.path().join("gone.yaml"), "- \"127.0.0.1:1\"\n").unwrap();
        assert_eq!(sources.check_endpoints_files(&config), None);
    }
}
