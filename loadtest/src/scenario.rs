//! What visitors do, how often, and what a right answer is: read from strict YAML, checked as a whole.

use std::path::Path;
use std::time::Duration;

use http::{HeaderName, Method};
use rand::Rng;
use rand::rngs::StdRng;

mod schema;
mod template;
mod values;
mod compile;

pub(crate) use compile::ScenarioError;
pub(crate) use schema::Slo;
pub(crate) use template::{Escape, Slot, Template};
pub(crate) use values::Source;

/// The scenarios that the program carries, by name.
const EMBEDDED: &[(&str, &str)] = &[("smoke", include_str!("../scenarios/smoke.yaml"))];

/// A checked scenario.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// The file's stem.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) about: String,
    /// When a request is given up.
    pub(crate) timeout: Duration,
    /// What the target must keep to.
    pub(crate) slo: Slo,
    /// The names of the interactions, in the order of the file; steps refer to them by index.
    pub(crate) interactions: Vec<String>,
    /// What has to be looked up at the target before the run.
    pub(crate) findings: Vec<Finding>,
    /// By slot: where the value is drawn from; `None` for what a session gets in another way.
    sources: Vec<Option<Source>>,
    sessions: Vec<Session>,
    /// `thresholds[i]`: summed weights of the first i + 1 sessions, as a share of all.
    thresholds: Vec<f64>,
}

/// The texts between two texts in the answer to a GET.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) slot: Slot,
    /// The name that it gives a value to.
    pub(crate) name: String,
    pub(crate) at: String,
    pub(crate) after: String,
    pub(crate) before: String,
}

/// What one kind of visitor does.
#[derive(Debug)]
pub(crate) struct Session {
    /// What is drawn before the first step.
    draws: Vec<Slot>,
    pub(crate) steps: Vec<Step>,
}

/// One request and what its answer must look like.
#[derive(Debug)]
pub(crate) struct Step {
    /// Index into [`Scenario::interactions`].
    pub(crate) interaction: usize,
    pub(crate) method: Method,
    pub(crate) path: Template,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    /// A JSON text.
    pub(crate) body: Option<Template>,
    pub(crate) expect: Expect,
    /// What later steps need of the answer.
    pub(crate) keep: Vec<(Slot, Keep)>,
    /// Fields of the journal's line.
    pub(crate) journal: Option<Vec<(String, Template)>>,
    pub(crate) think: Duration,
}

/// Where in a JSON answer a value stands; places are JSON pointers (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Keep {
    /// At this place, or the answer is wrong.
    At(String),
    /// At `take` in the first element of the list at `from` whose members are as in `conditions`, if there is one.
    FirstOf { from: String, conditions: Vec<(String, String)>, take: String },
}

/// What a right answer is; all of it must hold.
#[derive(Debug)]
pub(crate) struct Expect {
    pub(crate) status: http::StatusCode,
    pub(crate) body: Option<Template>,
    pub(crate) headers: Vec<(HeaderName, String)>,
}

/// The slot of `${unique}`: a text that no other session of any run has.
pub(crate) const UNIQUE: Slot = 0;

impl Scenario {
    /// The scenario that the program carries under `name`, or the file of that name when it ends in `.yaml`.
    pub(crate) fn load(name: &str) -> Result<Scenario, ScenarioError> {
        if let Some((name, text)) = EMBEDDED.iter().find(|(known, _)| *known == name) {
            return compile::compile(name, text);
        }
        let path = Path::new(name);
        if path.extension().is_none_or(|extension| extension != "yaml") {
            let known: Vec<&str> = EMBEDDED.iter().map(|(known, _)| *known).collect();
            return Err(ScenarioError::Unknown { name: name.to_owned(), known: known.join(", ") });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Unreadable { file: name.to_owned(), source })?;
        compile::compile(name, &text)
    }

    /// Tells what a finding found: from now on sessions draw from `choices`, which is not empty.
    pub(crate) fn learn(&mut self, slot: Slot, choices: Vec<String>) {
        self.sources[slot] = Some(Source::OneOf(choices));
    }

    /// Whether any step writes to the journal.
    pub(crate) fn keeps_journal(&self) -> bool {
        self.sessions.iter().flat_map(|session| &session.steps).any(|step| step.journal.is_some())
    }

    /// The kind of the next visitor.
    pub(crate) fn choose(&self, random: &mut StdRng) -> &Session {
        let at: f64 = random.random();
        let index = self.thresholds.partition_point(|threshold| *threshold <= at);
        &self.sessions[index.min(self.sessions.len() - 1)]
    }

    /// The values with which `session` starts, by slot.
    pub(crate) fn draw(&self, session: &Session, random: &mut StdRng, unique: String) -> Vec<String> {
        let mut values = vec![String::new(); self.sources.len()];
        values[UNIQUE] = unique;
        for &slot in &session.draws {
            let source = self.sources[slot].as_ref().expect("only slots with a source are drawn, once findings are in");
            values[slot] = source.draw(random);
        }
        values
    }
}
