//! Every good file beside what it means, every bad file beside what is said about it.
//!
//! `BLESS=1 cargo test -p config golden` writes the `.expected` files anew; read the difference before you commit it.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use config::Code;

#[test]
fn good_files_mean_what_is_expected() {
    let compared = compare("good", |file| match config::load(file) {
        Ok(config) => format!("{config:#?}\n"),
        Err(problems) => panic!("{problems}"),
    });
    assert!(compared >= 4);
}

#[test]
fn bad_files_get_the_expected_problems() {
    let shown = RefCell::new(BTreeSet::new());
    let compared = compare("bad", |file| match config::load(file) {
        Ok(_) => panic!("{} is accepted", file.display()),
        Err(problems) => {
            let all: Vec<_> = problems.iter().collect();
            for of_one_file in all.chunk_by(|a, b| a.file == b.file) {
                assert!(of_one_file.is_sorted_by_key(|problem| (problem.line, problem.column)), "{problems}");
            }
            shown.borrow_mut().extend(problems.iter().map(|problem| problem.code));
            format!("{problems}\n")
        }
    });
    assert!(compared >= 120);
    // What no file shows, perhaps no file can bring about.
    let shown = shown.into_inner();
    let outside = |code: &Code| code.number().starts_with("E04"); // found by those who open what the files name
    let never: Vec<_> = Code::ALL.iter().filter(|code| !shown.contains(code) && !outside(code)).collect();
    assert!(never.is_empty(), "shown by no golden file: {never:?}");
}

/// Compares what `render` makes of each YAML file of a folder with the `.expected` file beside it. Returns how many.
fn compare(folder: &str, render: impl Fn(&Path) -> String) -> usize {
    // Tests run in the folder of their crate.
    let folder = Path::new("tests/it/golden").join(folder);
    let entries = fs::read_dir(&folder).expect("the folder of golden files");
    let paths = entries.map(|entry| entry.expect("an entry of it").path());
    // In folders of this one there are files that the others include.
    let files: BTreeSet<PathBuf> = paths.filter(|path| path.is_file()).collect();
    let (inputs, expected): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|path| path.extension().is_some_and(|extension| extension == "yaml"));

    let mut different = String::new();
    for input in &inputs {
        let actual = render(input).replace(&format!("{}/", folder.display()), "");
        let expected = input.with_extension("expected");
        if crate::blessing() {
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
