use super::*;

fn problem_at(text: &str, line: u32, column: u32) -> Problem {
    let sources = Sources::of_text(text, "edge.yaml");
    let mut report = Report::default();
    let at = At::root(Place::START).key("routes", Place::START).index(2, Place::START);
    report.refuse_with_hint(
        Code::UnknownName,
        &at.key("pool", Place { line, column, ..Place::START }),
        "unknown pool `b`",
        "did you mean `a`?",
    );
    report.into_problems(&sources).unwrap().iter().next().unwrap().clone()
}

#[test]
fn a_problem_shows_place_line_caret_and_hint() {
    assert_eq!(
        problem_at("x: 1\n  pool: b\n", 2, 9).to_string(),
        "edge.yaml:2:9: E0301 routes[2].pool: unknown pool `b`\n  2 |   pool: b\n    |         ^\n  hint: did you mean `a`?"
    );
}

#[test]
fn control_characters_cannot_reach_the_terminal() {
    let problem = problem_at("\tpool: \u{1b}[2Jb\n", 1, 8);
    assert!(!problem.to_string().contains(['\u{1b}', '\t']));
    assert_eq!(printable("a\u{1b}b"), "a\\u{1b}b");
}

#[test]
fn the_name_of_a_file_cannot_drive_the_terminal() {
    let sources = Sources::of_text("x", "a\u{1b}[2J.yaml");
    let mut report = Report::default();
    report.refuse(Code::OutOfRange, &At::root(Place::START), "wrong");
    let problems = report.into_problems(&sources).unwrap();
    assert!(problems.to_string().starts_with("a\\u{1b}[2J.yaml:1:1: "), "{problems}");
}

#[test]
fn of_a_long_line_only_the_part_around_the_place_is_kept() {
    let text = format!("{}pool: b{}", " ".repeat(100_000), "x".repeat(100_000));
    let problem = problem_at(&text, 1, 100_007);
    assert_eq!(problem.source_line.chars().count(), EXCERPT_MAX);
    assert_eq!(problem.source_line.chars().nth(problem.caret), Some('b'));
}

#[test]
fn a_place_beyond_the_text_does_not_panic() {
    assert_eq!(problem_at("", 99, 99).source_line, "");
    assert_eq!(problem_at("a", 1, u32::MAX).caret, 1);
}

#[test]
fn problems_come_sorted_by_place_and_bounded() {
    let sources = Sources::of_text("a\nb\n", "edge.yaml");
    let mut report = Report::default();
    for column in (1..=150).rev() {
        report.refuse(Code::OutOfRange, &At::root(Place { column, ..Place::START }), "wrong");
    }
    let problems = report.into_problems(&sources).unwrap();
    assert_eq!(problems.count(), 150);
    assert_eq!(problems.iter().len(), SHOWN_MAX);
    assert!(problems.iter().is_sorted_by_key(|problem| (problem.line, problem.column)));
    assert!(problems.to_string().ends_with("\nand 50 more"));
}
