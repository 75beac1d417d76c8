//! Why a configuration was not taken over.

use config::{Difference, Outside, Sources};
use thiserror::Error;

use crate::control::{doors::OpenError, outside};

/// Why a configuration was not taken over.
#[derive(Debug, Error)]
pub(crate) enum ReloadError {
    /// What is written, or something that it names, is not as it should be.
    #[error("{0}")]
    Config(config::Problems),
    /// The cache cannot be divided so.
    #[error(transparent)]
    Cache(#[from] cache::OptionsError),
    /// The change cannot be made while running.
    #[error("{} cannot change while the edge runs; hint: undo that part, or restart the edge", paths(.0))]
    NeedsRestart(Vec<Difference>),
    /// There is nothing to go back to.
    #[error("{0}; hint: `GET /config/history` lists what there is")]
    NoSuchConfiguration(String),
    /// Too late.
    #[error("the edge is leaving; hint: ask the process that takes its place")]
    Leaving,
    /// A defect of ours; the old configuration stays live.
    #[error("the reload failed half-way: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

fn paths(differences: &[Difference]) -> String {
    let paths = differences.iter().map(|Difference { path, change, .. }| format!("`{path}` ({change})"));
    paths.collect::<Vec<_>>().join(", ")
}

impl ReloadError {
    /// A door cannot be opened.
    pub(in crate::control) fn opening(error: &OpenError, sources: &Sources) -> Self {
        match error {
            OpenError::Bind(error) => Self::outside(outside::of_bind(error), sources),
            OpenError::Leaving => Self::Leaving,
        }
    }

    /// Something that a configuration names is not as it should be.
    pub(in crate::control) fn outside(found: Outside, sources: &Sources) -> Self {
        Self::Config(sources.locate(vec![found]).expect("there is a problem to locate"))
    }
}
