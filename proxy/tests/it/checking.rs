//! `edge check`: what is said about a file before it goes live.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::config;

const ROUTES: &str = r#"
  - {name: old, match: {path: /old}, pool: origin, class: core}
  - {name: other, match: {path: /other}, pool: origin, class: browse}
"#;

/// A folder with a good configuration and its certificate.
struct World {
    folder: TempDir,
    good: String,
}

fn edge(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edge")).args(arguments).output().unwrap()
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tls = folder.path().join("tls");
        assert!(edge(&["dev-certificate", "--out", tls.to_str().unwrap()]).status.success());
        Self { folder, good: config(&["127.0.0.1:1".parse().unwrap()], "", ROUTES) }
    }

    fn check(&self, text: &str, arguments: &[&str]) -> Output {
        let file = self.folder.path().join("edge.yaml");
        fs::write(&file, text).unwrap();
        edge(&[&["check", file.to_str().unwrap()], arguments].concat())
    }

    fn problems(&self, text: &str, arguments: &[&str]) -> Vec<Value> {
        let output = self.check(text, &[&["--format", "json"], arguments].concat());
        let problems: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), &output.stderr[..]), (Some((!problems.is_empty()).into()), &b""[..]));
        problems
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_good_file_is_good_and_has_its_hash() {
    let world = World::new();
    let good = world.check(&world.good, &[]);
    assert!(good.status.success(), "{good:?}");
    let said = String::from_utf8(good.stdout).unwrap();
    assert!(said.contains("edge.yaml: good: 2 listeners, 2 routes, 1 pools; hash "), "{said}");
    let sum = Command::new("sha256sum").arg(world.folder.path().join("edge.yaml")).output().unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert_eq!(said.trim().rsplit(' ').next(), sum.get(..16));
    assert_eq!(world.problems(&world.good, &[]), [] as [Value; 0]);
}

#[test]
fn problems_that_are_not_listed_are_counted() {
    let world = World::new();
    let listed = |slips: usize| {
        let slips: String = (0..slips).map(|n| format!("slip_{n}: 1\n")).collect();
        world.problems(&format!("{}{slips}", world.good), &[])
    };
    let all = listed(100);
    assert!(all.len() == 100 && all.iter().all(|problem| problem.get("omitted").is_none() && problem["line"] != 0));
    let some = listed(107);
    assert_eq!((some.len(), &some[..99]), (101, &all[..99]));
    assert_eq!((&some[100]["code"], &some[100]["omitted"]), (&Value::Null, &json!(7)), "{:?}", some[100]);
}

#[test]
fn every_problem_is_told_to_people_and_to_programs() {
    let world = World::new();
    let bad = world.good.replace("class: core", "class: cor").replace("class: browse", "class: brows");
    let said = stderr(&world.check(&bad, &[]));
    assert!(
        said.contains("`cor`") && said.contains("`brows`") && said.contains("\n  hint: did you mean `core`?"),
        "{said}"
    );
    assert!(!said.contains('\x1b'), "no colour where nobody looks: {said}");

    let problems = world.problems(&bad, &[]);
    let keys: Vec<_> = problems[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "column", "file", "hint", "line", "message", "name", "path"]);
    let paths: Vec<_> = problems.iter().map(|problem| (&problem["code"], &problem["path"])).collect();
    let unknown = json!("E0301");
    assert!(paths.contains(&(&unknown, &json!("routes[0].class"))), "{problems:#?}");
    assert!(paths.contains(&(&unknown, &json!("routes[1].class"))), "{problems:#?}");
}

#[test]
fn what_the_file_names_is_looked_at_too() {
    let world = World::new();
    let path = |problem: &Value| (problem["code"].clone(), problem["path"].clone(), problem["line"].as_u64() > Some(1));
    let expect = |text: &str, code: &str, at: &str| {
        let problems = world.problems(text, &[]);
        assert_eq!(problems.iter().map(path).collect::<Vec<_>>(), [(json!(code), json!(at), true)], "{problems:#?}");
        problems[0]["message"].as_str().unwrap().to_owned()
    };
    let certificate = "listeners.secure.tls.certificates[0]";
    let missing = expect(&world.good.replace("localhost.pem", "none.pem"), "E0401", certificate);
    assert!(missing.contains("cannot read") && missing.contains("none.pem"), "{missing}");
    expect(&world.good.replace("names: [localhost]", "names: [a.example]"), "E0401", &format!("{certificate}.names"));
    expect(&world.good.replace("localhost.key", "ca.key"), "E0401", &format!("{certificate}.key"));
    expect(&world.good.replace("file:access.log", "file:none/access.log"), "E0404", "telemetry.access_log.to");
    fs::write(world.folder.path().join("short"), "opensesame").unwrap();
    expect(&world.good.replace("admin: {bind", "admin: {token: \"file:short\", bind"), "E0403", "admin.token");
}

#[test]
fn a_variable_that_only_the_edge_has_is_no_problem_of_the_file() {
    let world = World::new();
    let text = world.good.replace("admin: {bind", "admin: {token: \"env:NO_SUCH_VARIABLE_0\", bind");
    for arguments in [&[][..], &["--format", "json"], &["--effective"]] {
        let checked = world.check(&text, arguments);
        let note = stderr(&checked);
        assert!(checked.status.success(), "{checked:?}");
        assert!(
            note.starts_with("note: ") && note.contains("`NO_SUCH_VARIABLE_0` of `admin.token` is not set"),
            "{note}"
        );
    }
    let run = edge(&["run", world.folder.path().join("edge.yaml").to_str().unwrap()]);
    assert!(!run.status.success() && stderr(&run).contains("E0403 admin.token"), "{run:?}");
}

/// Opening a pipe waits for somebody who writes to it: `check` and every reload after it would never end.
#[test]
fn nothing_is_waited_for_where_a_file_is_named() {
    let world = World::new();
    let pipe = world.folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let respond = "  - {name: page, match: {path: /page}, respond: {file: pipe}}\n  - {name: old,";
    for (good, bad, code) in [
        ("tls/localhost.pem", "pipe", "E0401"),
        ("tls/localhost.key", "pipe", "E0401"),
        ("admin: {bind", "admin: {token: \"file:pipe\", bind", "E0403"),
        ("  - {name: old,", respond, "E0404"),
    ] {
        let problems = world.problems(&world.good.replace(good, bad), &[]);
        let message = problems[0]["message"].as_str().unwrap();
        assert_eq!((problems.len(), problems[0]["code"].as_str()), (1, Some(code)), "{problems:#?}");
        assert!(message.ends_with("it is no ordinary file"), "{message}");
    }
}

#[test]
fn the_effective_configuration_says_where_each_value_comes_from() {
    let world = World::new();
    let secret = world.folder.path().join("token");
    fs::write(&secret, "correct-horse-battery-staple").unwrap();
    let text = world.good.replace("admin: {bind", &format!("admin: {{token: \"file:{}\", bind", secret.display()));
    let effective = world.check(&text, &["--effective"]);
    let printed = String::from_utf8(effective.stdout).unwrap();
    assert!(effective.status.success() && printed.contains("# default") && printed.contains("edge.yaml:"), "{printed}");
    assert!(printed.contains(secret.to_str().unwrap()) && !printed.contains("correct-horse"), "{printed}");
    // It means the same.
    assert_eq!(world.problems(&printed, &[]), [] as [Value; 0]);
    let bad = world.check(&world.good.replace("class: core", "class: cor"), &["--effective"]);
    assert_eq!((bad.status.code(), bad.stdout.len()), (Some(1), 0));
}

#[test]
fn a_certificate_must_outlive_the_event() {
    let world = World::new();
    assert_eq!(world.problems(&world.good, &["--event", "2000-01-01"]), [] as [Value; 0]);
    let problems = world.problems(&world.good, &["--event", "2999-12-31"]);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0]["code"], "E0402");
    assert!(problems[0]["message"].as_str().unwrap().contains("before the event"), "{problems:#?}");
    assert_eq!(edge(&["check", "edge.yaml", "--event", "tomorrow"]).status.code(), Some(2));
}

#[test]
fn the_language_is_printed_for_readers_and_for_editors() {
    let printed = |arguments: &[&str]| String::from_utf8(edge(arguments).stdout).unwrap();
    let reference = printed(&["reference"]);
    assert!(reference.contains("drain_timeout") && reference.contains("E0103"), "{reference}");
    let whole: Value = serde_json::from_str(&printed(&["schema"])).unwrap();
    let included: Value = serde_json::from_str(&printed(&["schema", "--included"])).unwrap();
    assert!(whole["properties"]["process"].is_object() && whole["properties"]["routes"].is_object(), "{whole:#}");
    assert!(
        included["properties"]["process"].is_null() && included["properties"]["routes"].is_object(),
        "{included:#}"
    );
    assert!(printed(&["schema", "--help"]).contains("# yaml-language-server: $schema="));
}

#[test]
fn codes_are_explained() {
    let explained = String::from_utf8(edge(&["check", "--explain", "e0103"]).stdout).unwrap();
    assert!(explained.starts_with("E0103 unknown-key\n\n") && explained.contains("```yaml"), "{explained}");
    let unknown = edge(&["check", "--explain", "E9999"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("hint: they go from E0101 to E0"));
    assert_eq!(edge(&["check"]).status.code(), Some(2), "neither a file nor a code");
}

#[test]
fn a_difference_is_told_with_what_it_costs() {
    let world = World::new();
    let file = |name: &str, text: &str| {
        let path = world.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let old = file("old.yaml", &world.good);
    let changed = world.good.replace("workers: 2", "workers: 3").replace("path: /old", "path: /new");
    let new = file("new.yaml", &changed.replace("\"127.0.0.1:1\"", "\"127.0.0.1:2\""));

    let said = edge(&["diff", &old, &new]);
    let text = String::from_utf8(said.stdout).unwrap();
    assert_eq!(said.status.code(), Some(1));
    let lines: Vec<_> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let expected = [
        "needs a restart",
        "process.workers 2 -> 3 only a new process can have it",
        "drops counters",
        "pools.origin.endpoints -127.0.0.1:1 its state is forgotten unless it comes back within 10 minutes; what is in flight there ends as it began",
        "live",
        "pools.origin.endpoints +127.0.0.1:2 counts as up until a check says otherwise",
        "routes.old.match.path [/old] -> [/new] it takes other requests from now on",
    ];
    assert_eq!(lines, expected, "{text}");

    let json: Vec<Value> = serde_json::from_slice(&edge(&["diff", "--format", "json", &old, &new]).stdout).unwrap();
    assert_eq!(json.len(), 4);
    assert_eq!(json[0]["kind"], "needs_restart");

    let same = edge(&["diff", &old, &file("same.yaml", &world.good.replace("version: 1", "# the same\nversion: 1"))]);
    assert_eq!((same.status.code(), same.stdout.len()), (Some(0), 0));
    let trouble = edge(&["diff", &old, &file("bad.yaml", "version: 2")]);
    assert_eq!(trouble.status.code(), Some(2));
    assert!(stderr(&trouble).contains("bad.yaml:1:"), "{}", stderr(&trouble));
}
