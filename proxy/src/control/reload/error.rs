//! Why a configuration was not taken over.

use std::error::Error;

use crate::control::{compile::CompileError, secret::SecretError};

/// Why a configuration was not taken over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// What is written is not valid.
    #[error("{0}")]
    Config(config::Problems),
    /// Something that it names is not as it should be.
    #[error("{}", with_causes(.0))]
    Compile(#[from] CompileError),
    /// The admin listener's token cannot be read.
    #[error("{}", with_causes(.0))]
    Secret(#[from] SecretError),
    /// The cache cannot be divided so.
    #[error(transparent)]
    Cache(#[from] cache::OptionsError),
    /// The change cannot be made while running.
    #[error("{what} cannot change while the edge runs; hint: undo that part, or restart the edge")]
    NeedsRestart { what: String },
    /// There is nothing to go back to.
    #[error("{0}; hint: `GET /config/history` lists what there is")]
    NoSuchConfiguration(String),
    /// A defect of ours; the old configuration stays live.
    #[error("the reload failed half-way: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}
