//! What an SRE may write in YAML, and what the program may then rely on.
//!
//! ```text
//! source -> tree -> schema -> check -> model
//! ```
//! `source` reads text, `tree` gives every value its place, `schema` is what may be written, key by key, `check` refuses
//! what cannot work, and [`model`] is what remains: checked, resolved, without a question open. `schema` and `check`
//! report everything that is wrong with a file at once; nothing that was accepted is ignored later.

use std::path::Path;

mod problem;
mod source;
mod tree;
mod schema;
mod check;
pub mod model;

pub use problem::{Code, Problem, Problems};

use model::Config;
use problem::Report;
use source::Source;

/// Reads and checks a configuration file. Relative paths in it start from its own folder.
///
/// # Errors
/// Everything that is wrong with the file, sorted by place.
pub fn load(path: &Path) -> Result<Config, Problems> {
    interpret(&Source::read(path)?)
}

/// Reads and checks a configuration that is already in memory, as if it stood in the file `origin`.
///
/// # Errors
/// As [`load`].
pub fn load_str(text: &str, origin: &Path) -> Result<Config, Problems> {
    interpret(&Source::from_bytes(text.into(), origin)?)
}

fn interpret(source: &Source) -> Result<Config, Problems> {
    let mut report = Report::default();
    let written =
        tree::parse(source.text(), &mut report).and_then(|root| schema::Config::read_root(&root, &mut report));
    let checked = written.and_then(|written| check::check(written, source.folder(), &mut report));
    match report.into_problems(source) {
        Some(problems) => Err(problems),
        None => Ok(checked.expect("what was refused has been reported")),
    }
}
