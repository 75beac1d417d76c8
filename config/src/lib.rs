//! What an SRE may write in YAML, and what the program may then rely on.

pub mod model;
