//! Files that were never meant for us: no panic, no endless work, and always a problem with a place.

use std::path::Path;

use proptest::prelude::*;

const SHIPPED: &str = include_str!("../../edge.yaml");

fn origin() -> &'static Path {
    Path::new("edge.yaml")
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text: String) {
        config::load_str(&text, origin()).ok();
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        config::load_str(&String::from_utf8_lossy(&bytes), origin()).ok();
    }

    #[test]
    fn text_of_yaml_never_panics(text in "[-a-z0-9:,\\[\\]{}&*!|>'\"%@`#? \n\t]{0,200}") {
        config::load_str(&text, origin()).ok();
    }

    /// A slip in a good file: some characters replaced by others.
    #[test]
    fn a_slip_in_a_good_file_is_accepted_or_has_a_place(at in 0..SHIPPED.len(), removed in 0..20_usize, typed in ".{0,3}") {
        let end = (at + removed).min(SHIPPED.len());
        if SHIPPED.is_char_boundary(at) && SHIPPED.is_char_boundary(end) {
            let text = format!("{}{typed}{}", &SHIPPED[..at], &SHIPPED[end..]);
            if let Err(problems) = config::load_str(&text, origin()) {
                prop_assert!(problems.iter().all(|problem| problem.line > 0 && problem.column > 0), "{problems}");
            }
        }
    }
}

#[test]
fn a_file_of_nothing_but_mistakes_is_answered_in_bounds() {
    let mut text = String::from("version: 1\nclasses: [all]\n");
    for n in 0..5_000 {
        text.push_str(&format!("unknown_key_number_{n}: 1\n"));
    }
    let problems = config::load_str(&text, origin()).unwrap_err();
    assert!(problems.count() >= 5_000);
    assert!(problems.to_string().len() < 100_000);
}

#[test]
fn ten_thousand_routes_are_read() {
    let mut text = String::from(
        "version: 1\nlisteners: {plain: {bind: \"127.0.0.1:0\"}}\nclasses: [all]\n\
         pools: {shop: {endpoints: [\"127.0.0.1:9101\"]}}\nroutes:\n",
    );
    for n in 0..10_000 {
        text.push_str(&format!("- {{name: r{n}, match: {{path: /p/{n}}}, pool: shop, class: all}}\n"));
    }
    let config = config::load_str(&text, origin()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(config.live.routes.len(), 10_000);
}

#[test]
fn lists_that_multiply_are_bounded() {
    let list = |prefix: &str| (0..60).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>().join(", ");
    let methods: Vec<_> =
        (0..60_u8).map(|n| format!("M{}{}", char::from(b'A' + n / 8), char::from(b'A' + n % 8))).collect();
    let text = format!(
        "version: 1\nlisteners: {{plain: {{bind: \"127.0.0.1:0\"}}}}\nroutes:\n- {{name: all, match: {{host: [{}], path: [{}], \
         method: [{}]}}, respond: {{}}}}\n",
        list("h"),
        list("/p"),
        methods.join(", "),
    );
    let problems = config::load_str(&text, origin()).unwrap_err();
    assert_eq!(problems.count(), 1, "{problems}");
    assert!(problems.to_string().contains("combine in 216000 ways"), "{problems}");
}

#[test]
fn an_edge_without_pools_can_be_written() {
    let text = "version: 1\nlisteners: {plain: {bind: \"127.0.0.1:0\"}}\nroutes:\n- {name: all, match: {path: /**}, redirect: {to: \"/\"}}\n";
    config::load_str(text, origin()).unwrap_or_else(|problems| panic!("{problems}"));
}
