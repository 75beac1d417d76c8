//! Any text as a time, size, share, rate, address, network, host or path: refused, or the same when written back.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

/// Lines in which `@` stands for the value: one entry for each kind.
const KINDS: [&str; 8] = [
    "process: {drain_timeout: @}",
    "zones: {pages: {memory: @}}\nroutes: [{name: a, match: {path: /}, pool: shop, class: all, cache: {zone: pages}}]",
    "telemetry: {access_log: {sample: @}}",
    "routes: [{name: a, match: {path: /}, pool: shop, class: all, rate: [{per: address, at: @}]}]",
    "listeners: {other: {bind: @}}",
    "trusted_proxies: [@]",
    "routes: [{name: a, match: {host: @, path: /}, pool: shop, class: all}]",
    "routes: [{name: a, match: {path: @}, pool: shop, class: all}]",
];
/// What each needs besides, unless it says it itself.
const REST: [&str; 5] = [
    "version: 1",
    "listeners: {plain: {bind: \"127.0.0.1:0\"}}",
    "classes: [all]",
    "pools: {shop: {endpoints: [\"127.0.0.1:9101\"]}}",
    "routes: [{name: a, match: {path: /}, pool: shop, class: all}]",
];

fuzz_target!(|input: (u8, &str)| {
    let (kind, text) = input;
    let kind = KINDS[usize::from(kind) % KINDS.len()];
    let says = |key: &str| kind.lines().any(|line| line.starts_with(key));
    let rest = REST.iter().filter(|line| !line.split(':').next().is_some_and(says));
    let mut whole = kind.replace('@', &quoted(text));
    rest.for_each(|line| whole.extend(["\n", line]));
    let origin = Path::new("/nowhere/edge.yaml");
    let sources = config::Sources::with_main(whole.clone(), origin).expect("the text is quoted");
    if let Ok(model) = sources.interpret() {
        let effective = sources.effective().expect("what is accepted can be written");
        assert_eq!(config::load_str(&effective, origin).as_ref(), Ok(&model), "{whole}\n{effective}");
    }
});

/// Text in double quotes, with everything escaped that is not a letter or digit (YAML 1.2, section 5.7).
fn quoted(text: &str) -> String {
    let escaped = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\U{:08x}", u32::from(c)) });
    format!("\"{}\"", escaped.collect::<String>())
}
