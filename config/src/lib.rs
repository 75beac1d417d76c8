//! What an SRE may write in YAML, and what the program may then rely on.
//!
//! ```text
//! source -> tree -> schema -> check -> model
//! ```
//! `source` reads files as text, `tree` gives every value its place, `schema` is what may be written, key by key,
//! `check` refuses what cannot work, and [`model`] is what remains: checked, resolved, without a question open. `schema`
//! and `check` report everything that is wrong at once; nothing that was accepted is ignored later.

use std::path::Path;

mod problem;
mod source;
mod tree;
mod schema;
mod check;
pub mod model;
mod effective;
mod diff;
mod reference;
mod json_schema;

pub use check::is_name;
pub use diff::{Diff, Difference, Kind, diff};
pub use json_schema::{json_schema, json_schema_of_included};
pub use problem::{Code, Problem, Problems};
pub use reference::{keys, reference};
pub use schema::quantity::duration;
pub use source::{Outside, Sources, admin_of, endpoints, watched};

/// Reads and checks a configuration file and what it includes. Relative paths in a file start from its own folder.
///
/// # Errors
/// Everything that is wrong, sorted by file and place.
pub fn load(path: &Path) -> Result<model::Config, Problems> {
    Sources::read(path)?.interpret()
}

/// Reads and checks a configuration that is already in memory, as if it stood in the file `origin`.
///
/// # Errors
/// As [`load`].
pub fn load_str(text: &str, origin: &Path) -> Result<model::Config, Problems> {
    Sources::with_main(text.to_owned(), origin)?.interpret()
}
