//! Every good file beside what it means, every bad file beside what is said about it.
//!
//! `BLESS=1 cargo test -p config golden` writes the `.expected` files anew; read the difference before you commit it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[test]
fn good_files_mean_what_is_expected() {
    let compared = compare("good", |text, origin| match config::load_str(text, origin) {
        Ok(config) => format!("{config:#?}\n"),
        Err(problems) => panic!("{problems}"),
    });
    assert!(compared >= 4);
}

#[test]
fn bad_files_get_the_expected_problems() {
    let compared = compare("bad", |text, origin| match config::load_str(text, origin) {
        Ok(_) => panic!("{} is accepted", origin.display()),
        Err(problems) => {
            let places: Vec<_> = problems.iter().map(|problem| (problem.line, problem.column)).collect();
            assert!(places.is_sorted(), "{places:?}");
            format!("{problems}\n")
        }
    });
    assert!(compared >= 60);
}

/// Compares what `render` makes of each YAML file of a folder with the `.expected` file beside it. Returns how many.
fn compare(folder: &str, render: impl Fn(&str, &Path) -> String) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(folder);
    let entries = fs::read_dir(&folder).expect("the folder of golden files");
    let files: BTreeSet<PathBuf> = entries.map(|entry| entry.expect("an entry of it").path()).collect();
    let (inputs, expected): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|path| path.extension().is_some_and(|extension| extension == "yaml"));

    let mut different = String::new();
    for input in &inputs {
        let text = fs::read_to_string(input).expect("a golden file");
        let actual = render(&text, Path::new(input.file_name().expect("its name")));
        let expected = input.with_extension("expected");
        if blessing() {
            fs::write(&expected, &actual).expect("to write beside it");
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if actual != expected {
            different.push_str(&format!("{}\n--- expected\n{expected}--- actual\n{actual}\n", input.display()));
        }
    }
    assert!(different.is_empty(), "{different}BLESS=1 accepts these");
    let left_over = expected.iter().find(|path| !inputs.contains(&path.with_extension("yaml")));
    assert_eq!(left_over, None, "belongs to no file");
    inputs.len()
}

#[expect(clippy::disallowed_methods, reason = "the rim of the tests: whether to accept what is different")]
fn blessing() -> bool {
    std::env::var("BLESS").is_ok_and(|value| value == "1")
}
