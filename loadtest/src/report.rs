//! What a run found, for people (`table`), for programs (`json`), and while it goes on (`progress`).

use std::time::Duration;

use crate::arrival::Process;
use crate::driver::{Outcome, Protocol};
use crate::measure::Interaction;
use crate::quantity::Span;
use crate::scenario::Scenario;
use crate::verdict::Verdict;

mod table;
mod json;
mod progress;

pub(crate) use progress::Progress;

/// How visitors come and go; every report names it.
const MODEL: &str = "open sessions";

/// What the run was asked to do.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) target: String,
    pub(crate) protocol: Protocol,
    pub(crate) connections: usize,
    pub(crate) arrival: Process,
    pub(crate) rate: f64,
    pub(crate) duration: Duration,
    pub(crate) seed: u64,
}

/// A finished run.
pub(crate) struct Report<'a> {
    pub(crate) setting: Setting,
    pub(crate) scenario: &'a Scenario,
    pub(crate) outcome: &'a Outcome,
    /// Names and figures, in the order of the scenario.
    pub(crate) interactions: Vec<(&'a str, &'a Interaction)>,
    /// All interactions merged.
    pub(crate) total: Interaction,
    pub(crate) verdict: &'a Verdict,
}

impl Setting {
    /// What is about to happen, printed before it does.
    pub(crate) fn headline(&self, scenario: &Scenario) -> String {
        format!(
            "{}: {}\n{} over {}, at most {} connections\n\
             {} arrivals at {}/s for {}, seed {}; model: {MODEL} (visitors arrive openly; inside a session they wait for \
             each answer)",
            scenario.name,
            scenario.about,
            self.target,
            self.protocol.name(),
            self.connections,
            self.arrival.name(),
            self.rate,
            Span(self.duration),
            self.seed,
        )
    }
}

/// `part` of `whole` in per cent; of nothing it is zero.
fn per_cent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}
