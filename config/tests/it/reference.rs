//! The reference page and the JSON Schema say what the loader does.

use std::{collections::HashMap, fs, path::Path};

use serde_json::Value;

const PAGE: &str = "../deploy/reference.md";

/// `BLESS=1 cargo test -p config reference` writes the page anew.
#[test]
fn the_reference_page_is_current() {
    if crate::blessing() {
        fs::write(PAGE, config::reference()).expect("to write the page");
    }
    let page = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page == config::reference(), "{PAGE} is not what the schema says: BLESS=1 writes it");
}

/// The page by section: what a link to it says, and its text.
fn sections(page: &str) -> HashMap<String, &str> {
    let sections = page.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    let anchor = |title: &str| title.to_lowercase().replace(' ', "-").replace(['`', '.', '*', '[', ']'], "");
    sections.map(|(title, text)| (anchor(title), text)).collect()
}

/// The section about the mapping at a path: the one that its key links to.
fn section_of<'a>(path: &str, sections: &HashMap<String, &'a str>) -> &'a str {
    let Some(path) = Some(path.trim_end_matches("[]").trim_end_matches(".*")).filter(|path| !path.is_empty()) else {
        return sections["the-whole-file"];
    };
    let (above, name) = path.rsplit_once('.').unwrap_or(("", path));
    let row = format!("\n| `{name}` | ");
    let (_, row) = section_of(above, sections).split_once(&row).unwrap_or_else(|| panic!("no row of {path}"));
    let (_, link) =
        row.lines().next().and_then(|row| row.split_once("(#")).unwrap_or_else(|| panic!("{path} has no link"));
    sections[link.split(')').next().expect("the end of the link")]
}

#[test]
fn every_key_and_every_problem_is_in_the_reference() {
    let page = config::reference();
    let sections = sections(&page);
    for key in config::keys() {
        let (above, name) = key.rsplit_once('.').unwrap_or(("", &key));
        let section = section_of(above, &sections);
        assert!(section.contains(&format!("\n| `{name}` | ")), "no row of {key}");
        assert!(section.contains(&format!("\n**`{name}`** ")), "no paragraph about {key}");
    }
    for code in config::Code::ALL {
        assert!(page.contains(&format!("\n### {} {}\n", code.number(), code.name())), "{code}");
    }
}

/// A YAML file as JSON, aliases and merge keys resolved.
fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("a file");
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(&text, options).expect("YAML")
}

/// A schema that has itself been found to be one.
struct Validator {
    schemas: boon::Schemas,
    root: boon::SchemaIndex,
}

impl Validator {
    fn new(schema: Value) -> Self {
        let mut schemas = boon::Schemas::new();
        let mut compiler = boon::Compiler::new();
        compiler.add_resource("edge.schema.json", schema).expect("JSON");
        let root = compiler.compile("edge.schema.json", &mut schemas).expect("a JSON Schema");
        Self { schemas, root }
    }

    fn accepts(&self, path: &Path) -> Result<(), String> {
        let file = json(path);
        let checked = self.schemas.validate(&file, self.root);
        checked.map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn yaml_files(folder: &str) -> impl Iterator<Item = std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry of it").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
}

#[test]
fn what_the_loader_accepts_fits_the_json_schema() {
    let (main, included) = (Validator::new(config::json_schema()), Validator::new(config::json_schema_of_included()));
    let mut files = 0;
    for path in yaml_files("tests/it/golden/good").chain(["edge.yaml".into()]) {
        main.accepts(&path).unwrap();
        files += 1;
    }
    assert!(files >= 5);
    for folder in ["parts", "parts/routes", "parts/tls"] {
        for path in yaml_files(&format!("tests/it/golden/good/{folder}")) {
            included.accepts(&path).unwrap();
        }
    }
}

#[test]
fn the_json_schema_refuses_what_an_editor_should_underline() {
    let schema = Validator::new(config::json_schema());
    for name in [
        "wrong_version",
        "unknown_key",
        "unknown_key_at_top",
        "missing_key",
        "text_for_list",
        "text_for_number",
        "negative_number",
        "bare_number_for_time",
        "bare_number_for_size",
        "wrong_size_unit",
        "wrong_word",
        "empty_value",
    ] {
        let path = format!("tests/it/golden/bad/{name}.yaml");
        schema.accepts(Path::new(&path)).unwrap_err();
    }
}
