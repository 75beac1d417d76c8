//! Any text as a configuration: a model or problems, never a panic; and a model comes back from its effective text.
#![no_main]

use std::path::Path;

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|text: &str| -> Corpus {
    // What else is on this machine's disk would make the run depend on it.
    if text.contains("include") {
        return Corpus::Reject;
    }
    let origin = Path::new("/nowhere/edge.yaml");
    match config::Sources::with_main(text.into(), origin).and_then(|sources| Ok((sources.interpret()?, sources))) {
        Ok((model, sources)) => {
            let effective = sources.effective().expect("what is accepted can be written");
            match config::load_str(&effective, origin) {
                Ok(again) => assert_eq!(again, model, "{effective}"),
                Err(problems) => panic!("{problems}\n{effective}"),
            }
        }
        Err(problems) => {
            assert!(problems.count() > 0);
            assert!(!problems.to_string().contains(|c: char| c.is_control() && c != '\n'), "{problems}");
        }
    }
    Corpus::Keep
});
