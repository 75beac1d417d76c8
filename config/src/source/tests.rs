use std::fs;

use super::*;

const MAIN: &str = r#"
version: 1
include: [pools.yaml, "routes/*.yaml"]
listeners: {plain: {bind: "127.0.0.1:0"}}
classes: [core]
routes:
- {name: main, match: {path: /}, pool: shop, class: core}
"#;
const POOLS: &str = "pools: {shop: {endpoints: [\"127.0.0.1:9101\"]}}\n";

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What is said about these files, of which `edge.yaml` is the main one.
fn problems(files: &[(&str, &str)]) -> Vec<String> {
    let folder = folder(files);
    let problems = Sources::read(&folder.path().join("edge.yaml")).and_then(|sources| sources.interpret()).unwrap_err();
    let name = format!("{}/", folder.path().display());
    problems
        .iter()
        .map(|problem| {
            problem
                .to_string()
                .replace(&name, "")
                .replace(name.trim_end_matches('/'), ".")
                .lines()
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

fn route(name: &str) -> String {
    format!("routes: [{{name: {name}, match: {{path: /{name}}}, pool: shop, class: core}}]\n")
}

#[test]
fn files_are_put_together_in_the_order_of_reading() {
    let (a, b) = (route("a"), route("b"));
    let files =
        [("edge.yaml", MAIN), ("pools.yaml", POOLS), ("routes/b.yaml", &b), ("routes/a.yaml", &a), ("routes/x", "?")];
    let folder = folder(&files);
    let sources = Sources::read(&folder.path().join("edge.yaml")).unwrap();
    let names: Vec<_> = sources.files().map(|(path, _)| path.strip_prefix(folder.path()).unwrap().to_owned()).collect();
    assert_eq!(names, ["edge.yaml", "pools.yaml", "routes/a.yaml", "routes/b.yaml"].map(PathBuf::from));
    let config = sources.interpret().unwrap();
    assert_eq!(config.live.routes.iter().map(|route| &*route.name).collect::<Vec<_>>(), ["main", "a", "b"]);
}

#[test]
fn the_text_stays_what_it_was_when_it_was_read() {
    let folder = folder(&[("edge.yaml", MAIN), ("pools.yaml", POOLS), ("routes/a.yaml", &route("a"))]);
    let sources = Sources::read(&folder.path().join("edge.yaml")).unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    assert_eq!(sources.interpret().unwrap().live.routes.len(), 2);
    Sources::with_main(MAIN.into(), &folder.path().join("edge.yaml")).unwrap_err();
}

#[test]
fn a_relative_path_starts_from_the_file_that_it_stands_in() {
    let tls = "listeners: {secure: {bind: \"127.0.0.1:0\", \
               tls: {certificates: [{names: a, chain: a.pem, key: /k/a.key}]}}}\n";
    let folder = folder(&[("edge.yaml", MAIN), ("pools.yaml", POOLS), ("routes/tls.yaml", tls)]);
    let config = Sources::read(&folder.path().join("edge.yaml")).unwrap().interpret().unwrap();
    let certificate = &config.live.listeners[1].certificates()[0];
    assert_eq!(certificate.chain, folder.path().join("routes/a.pem"));
    assert_eq!(certificate.key, Path::new("/k/a.key"));
}

#[test]
fn a_problem_names_its_file_and_files_come_in_the_order_of_reading() {
    let (a, b) = (route("a").replace("shop", "shpo"), route("b").replace("core", "cor"));
    let found = problems(&[("edge.yaml", MAIN), ("pools.yaml", POOLS), ("routes/b.yaml", &b), ("routes/a.yaml", &a)]);
    assert_eq!(
        found,
        [
            "routes/a.yaml:1:45: E0301 routes[1].pool: unknown pool `shpo`",
            "routes/b.yaml:1:58: E0301 routes[2].class: unknown class `cor`"
        ]
    );
}

#[test]
fn a_name_of_two_files_is_refused_with_both_places() {
    let folder = folder(&[("edge.yaml", MAIN), ("pools.yaml", POOLS), ("routes/more.yaml", POOLS)]);
    let problems = Sources::read(&folder.path().join("edge.yaml")).unwrap().interpret().unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert!(problem.file.ends_with("routes/more.yaml"), "{problem}");
    assert_eq!((problem.code, problem.path.as_str()), (Code::RepeatedKey, "pools.shop"));
    let hint = problem.hint.as_deref().unwrap();
    assert!(hint.starts_with("it first stands in line 1 of `") && hint.ends_with("/pools.yaml`"), "{hint}");
}

#[test]
fn what_exists_once_stands_in_the_main_file() {
    let included = "version: 1\nadmin: {bind: \"127.0.0.1:0\"}\nclass: [a]\npools: []\npools: {}\n";
    let found = problems(&[("edge.yaml", MAIN), ("pools.yaml", POOLS), ("routes/a.yaml", included)]);
    assert_eq!(
        found,
        [
            "routes/a.yaml:2:1: E0111 admin: `admin` may only stand in the main file",
            "routes/a.yaml:3:1: E0103 class: unknown key `class`",
            "routes/a.yaml:4:8: E0106 pools: expected a mapping of names, found a list",
            "routes/a.yaml:5:1: E0104 pools: the key `pools` is written twice",
        ]
    );
    let version = problems(&[("edge.yaml", MAIN), ("pools.yaml", POOLS), ("routes/a.yaml", "version: 2\n")]);
    assert_eq!(version.len(), 1);
    let nothing = problems(&[("edge.yaml", MAIN), ("pools.yaml", POOLS), ("routes/a.yaml", "# later\n")]);
    assert_eq!(nothing, ["routes/a.yaml:2:1: E0105: the file says nothing"]);
}

#[test]
fn every_include_that_leads_nowhere_is_reported_at_once() {
    let main = "include: [none.yaml, no/*.yaml, '*.yml', a/*/b.yaml, '[', a/, 5]\n";
    let found = problems(&[("edge.yaml", main)]);
    assert_eq!(found, ["edge.yaml:1:63: E0106 include[6]: expected text, found the number 5"]);
    let found = problems(&[("edge.yaml", &main.replace(", 5", ""))]);
    assert_eq!(
        found,
        [
            "edge.yaml:1:11: E0102 include[0]: `none.yaml` cannot be read: No such file or directory (os error 2)",
            "edge.yaml:1:22: E0102 include[1]: the folder `no` cannot be read: No such file or directory (os error 2)",
            "edge.yaml:1:33: E0109 include[2]: nothing in `.` matches `*.yml`",
            "edge.yaml:1:42: E0212 include[3]: `a/*/b.yaml` names no files",
            "edge.yaml:1:54: E0212 include[4]: `[` names no files: invalid range pattern",
            "edge.yaml:1:59: E0212 include[5]: `a/` names no files",
        ]
    );
}

#[test]
fn a_name_that_is_not_utf_8_is_refused_where_it_would_be_included() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let folder = folder(&[("edge.yaml", "include: \"*.yml\"\n"), ("a.yml", "")]);
    let odd = |name: &[u8]| fs::write(folder.path().join(OsStr::from_bytes(name)), "").unwrap();
    odd(b"\xff.txt");
    let read = || Sources::read(&folder.path().join("edge.yaml"));
    read().unwrap();
    odd(b"\xff.yml");
    let problems = read().unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!((problems.count(), problem.code), (1, Code::UnreadableFile), "{problems}");
    assert!(problem.message.ends_with(" is not UTF-8: `\u{fffd}.yml`"), "{problems}");
}

#[test]
fn a_circle_is_refused_whatever_it_is_called() {
    let found = problems(&[("edge.yaml", "include: x/../edge.yaml\n"), ("x/y", "")]);
    assert_eq!(found, ["edge.yaml:1:10: E0110 include: `x/../edge.yaml` is included twice"]);
    let found = problems(&[
        ("edge.yaml", "include: a.yaml\n"),
        ("a.yaml", "include: b.yaml\n"),
        ("b.yaml", "include: a.yaml\n"),
    ]);
    assert_eq!(found, ["b.yaml:1:10: E0110 include: `a.yaml` is included twice"]);
}

#[test]
fn files_include_one_another_four_deep_and_no_deeper() {
    let mut files: Vec<(String, String)> =
        (0..6).map(|n| (format!("{n}.yaml"), format!("include: {}.yaml\n", n + 1))).collect();
    files.push(("edge.yaml".into(), "include: 0.yaml\n".into()));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(problems(&files), ["3.yaml:1:10: E0107 include: files include one another more than 4 deep"]);
}

#[test]
fn a_thousand_files_are_read_and_more_are_one_problem() {
    let folder = folder(&[("edge.yaml", "include: ['a/*', 'b/*']\n"), ("b/1", "zones: {}\n")]);
    fs::create_dir(folder.path().join("a")).unwrap();
    for n in 0..998 {
        fs::write(folder.path().join("a").join(n.to_string()), "zones: {}\n").unwrap();
    }
    let read = || Sources::read(&folder.path().join("edge.yaml"));
    assert_eq!(read().unwrap().files().count(), 1000);
    for n in 2..5 {
        fs::write(folder.path().join("b").join(n.to_string()), "zones: {}\n").unwrap();
    }
    let problems = read().unwrap_err();
    assert_eq!(problems.count(), 1, "{problems}");
    assert!(problems.to_string().contains("E0107 include[1]: there are more than 1000 files"), "{problems}");
}

/// The one line that is said about a file made of `text`.
fn one_line(text: String) -> String {
    let problems = Sources::with_main(text, Path::new("edge.yaml")).unwrap_err();
    assert_eq!(problems.count(), 1, "{problems}");
    problems.to_string().lines().next().unwrap().to_owned()
}

#[test]
fn a_hostile_file_is_one_clear_line() {
    assert_eq!(one_line(" ".repeat(100 << 20)), "edge.yaml: E0107: is larger than 4194304 bytes");
    assert_eq!(one_line("[".repeat(1000)), "edge.yaml:1:33: E0107: more than 32 levels of lists and mappings");
    let nested: String = (0..1000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert!(one_line(nested).ends_with("E0107: more than 32 levels of lists and mappings"));
    assert_eq!(
        one_line(format!("[{}]", "1,".repeat(1_000_000))),
        "edge.yaml:1:1000000: E0107: more than 500000 values"
    );
}

#[test]
fn a_list_longer_than_anything_needs_is_refused_before_its_items_are_read() {
    let text = format!("version: 1\nroutes: [{}]\n", "1,".repeat(70_000));
    let problems = Sources::with_main(text, Path::new("edge.yaml")).unwrap().interpret().unwrap_err();
    let of_routes: Vec<_> = problems.iter().filter(|problem| problem.path.starts_with("routes")).collect();
    assert_eq!(of_routes.len(), 1, "{problems}");
    assert_eq!(of_routes[0].message, "70000 are too many: at most 65536 can be given");
}
