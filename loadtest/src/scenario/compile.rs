//! From a scenario as written to one that a run can rely on; the first problem is reported with its place.

use std::collections::BTreeMap;

use http::{HeaderName, Method, StatusCode};
use serde_saphyr::{Location, Spanned};

use super::schema;
use super::values::{Source, ZIPF_RANGE_MAX, Zipf};
use super::{Escape, Expect, Finding, Keep, Scenario, Session, Slot, Step, Template, UNIQUE};

/// Why there is no scenario.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    /// Neither carried nor a file.
    #[error("there is no scenario \"{name}\"; hint: {known}, or a file that ends in .yaml")]
    Unknown { name: String, known: String },
    /// The file cannot be read.
    #[error("scenario file {file} cannot be read")]
    Unreadable { file: String, source: std::io::Error },
    /// The text is not a scenario.
    #[error("{file}:{line}:{column}: {message}")]
    Bad { file: String, line: u64, column: u64, message: String },
}

/// A message and its place in the file.
struct Problem {
    place: Location,
    message: String,
}

fn problem(place: Location, message: impl ToString) -> Problem {
    Problem { place, message: message.to_string() }
}

/// Reads and checks `text`; `name` is a file's name or the stem of one.
pub(super) fn compile(name: &str, text: &str) -> Result<Scenario, ScenarioError> {
    let bad = |Problem { place, message }| ScenarioError::Bad {
        file: name.to_owned(),
        line: place.line(),
        column: place.column(),
        message,
    };
    let file: schema::File = serde_saphyr::from_str(text).map_err(|error| {
        let bare = error.without_snippet();
        let place = bare.location().unwrap_or(Location::UNKNOWN);
        bad(problem(place, without_place(&bare.to_string(), place)))
    })?;
    let stem = std::path::Path::new(name).file_stem().map_or_else(|| name.into(), |stem| stem.to_string_lossy());
    Compiler::new(&file.values).scenario(stem.into_owned(), file).map_err(bad)
}

/// Names that are known so far, and where their values live.
struct Compiler {
    /// By slot.
    names: Vec<String>,
    /// How many of the names are not kept by steps.
    given: usize,
    interactions: Vec<String>,
}

impl Compiler {
    fn new(values: &BTreeMap<String, Spanned<schema::Value>>) -> Compiler {
        let names: Vec<String> = std::iter::once("unique".to_owned()).chain(values.keys().cloned()).collect();
        Compiler { given: names.len(), names, interactions: Vec::new() }
    }

    fn scenario(mut self, name: String, file: schema::File) -> Result<Scenario, Problem> {
        if file.timeout.value.0.is_zero() {
            return Err(problem(file.timeout.referenced, "a timeout of zero lets nothing be answered"));
        }
        let mut sources = vec![None];
        let mut findings = Vec::new();
        for (slot, (name, value)) in (UNIQUE + 1..).zip(file.values) {
            if name == "unique" {
                return Err(problem(value.referenced, "the value \"unique\" is given by the program"));
            }
            sources.push(source(value, slot, name, &mut findings)?);
        }
        let mut weights = Vec::new();
        let mut sessions = Vec::new();
        for session in file.sessions.value {
            if !session.weight.value.is_finite() || session.weight.value < 0.0 {
                return Err(problem(session.weight.referenced, "a weight is a number of zero or more"));
            }
            weights.push(session.weight.value);
            sessions.push(self.session(session)?);
        }
        let total: f64 = weights.iter().sum();
        if total <= 0.0 {
            return Err(problem(file.sessions.referenced, "no session has a weight above zero"));
        }
        let thresholds = weights.iter().scan(0.0, |sum, weight| {
            *sum += weight / total;
            Some(*sum)
        });
        sources.resize(self.names.len(), None);
        Ok(Scenario {
            name,
            about: file.about,
            timeout: file.timeout.value.0,
            slo: file.slo,
            thresholds: thresholds.collect(),
            interactions: self.interactions,
            findings,
            sources,
            sessions,
        })
    }

    fn session(&mut self, session: schema::Session) -> Result<Session, Problem> {
        if session.steps.value.is_empty() {
            return Err(problem(session.steps.referenced, "a session has one step at least"));
        }
        let mut kept = Vec::new();
        let mut used = Vec::new();
        let mut steps = Vec::new();
        for step in session.steps.value {
            let step = self.step(step, &session.name, &mut kept)?;
            used.extend(step.slots());
            steps.push(step);
        }
        used.sort_unstable();
        used.dedup();
        used.retain(|slot| (UNIQUE + 1..self.given).contains(slot));
        Ok(Session { draws: used, steps })
    }

    /// `kept`: what the session's steps so far have kept; this step adds to it.
    fn step(&mut self, step: schema::Step, session: &Spanned<String>, kept: &mut Vec<Slot>) -> Result<Step, Problem> {
        let (method, path) = match (step.get, step.post) {
            (Some(path), None) => (Method::GET, path),
            (None, Some(path)) => (Method::POST, path),
            (Some(path), Some(_)) => return Err(problem(path.referenced, "a step is a get or a post, not both")),
            (None, None) => return Err(problem(session.referenced, "a step of this session has neither get nor post")),
        };
        if let (Some(json), true) = (&step.json, method == Method::GET) {
            return Err(problem(json.referenced, "a get has no body"));
        }
        let interaction = self.interaction(step.name.unwrap_or_else(|| session.value.clone()));
        let path = self.template(&path, kept)?;
        let body = step.json.map(|json| self.json(&json, kept)).transpose()?;
        let headers = step
            .headers
            .into_iter()
            .map(|(name, value)| Ok((header_name(&name, value.referenced)?, self.template(&value, kept)?)));
        let headers = headers.collect::<Result<_, Problem>>()?;
        let expect = self.expect(step.expect, kept)?;
        let keep = self.keeps(step.keep, step.pick)?;
        kept.extend(keep.iter().map(|(slot, _)| *slot));
        let journal = step
            .journal
            .map(|fields| fields.into_iter().map(|(name, value)| Ok((name, self.template(&value, kept)?))).collect());
        let journal = journal.transpose()?;
        let think = step.think.map_or_else(Default::default, |think| think.0);
        Ok(Step { interaction, method, path, headers, body, expect, keep, journal, think })
    }

    /// Steps of the same name are one interaction, wherever they stand.
    fn interaction(&mut self, name: String) -> usize {
        self.interactions.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.interactions.push(name);
            self.interactions.len() - 1
        })
    }

    fn template(&self, text: &Spanned<String>, kept: &[Slot]) -> Result<Template, Problem> {
        let slot_of = |name: &str| {
            let slot = self.names.iter().position(|known| known == name)?;
            (slot < self.given || kept.contains(&slot)).then_some(slot)
        };
        Template::parse(&text.value, slot_of).map_err(|error| problem(text.referenced, error))
    }

    /// A text that is JSON once its holes are filled; with a number, because that can stand inside quotes and outside.
    fn json(&self, text: &Spanned<String>, kept: &[Slot]) -> Result<Template, Problem> {
        let template = self.template(text, kept)?;
        let sample = template.fill(&vec!["1".to_owned(); self.names.len()], Escape::Json);
        match serde_json::from_str::<serde::de::IgnoredAny>(&sample) {
            Ok(_) => Ok(template),
            Err(error) => Err(problem(text.referenced, format!("not JSON: {error}"))),
        }
    }

    fn expect(&self, expect: schema::Expect, kept: &[Slot]) -> Result<Expect, Problem> {
        let status = match expect.status {
            None => StatusCode::OK,
            Some(status) => StatusCode::from_u16(status.value)
                .map_err(|_invalid| problem(status.referenced, format!("{} is not a status", status.value)))?,
        };
        let body = expect.body.map(|text| self.template(&text, kept)).transpose()?;
        let headers = expect.headers.into_iter();
        let headers = headers.map(|(name, text)| Ok((header_name(&name, text.referenced)?, text.value)));
        Ok(Expect { status, body, headers: headers.collect::<Result<_, Problem>>()? })
    }

    fn keeps(
        &mut self,
        keep: BTreeMap<String, Spanned<String>>,
        pick: BTreeMap<String, schema::Pick>,
    ) -> Result<Vec<(Slot, Keep)>, Problem> {
        let mut kept = Vec::new();
        for (name, at) in keep {
            kept.push((self.slot_to_keep(name, at.referenced)?, Keep::At(pointer(at)?)));
        }
        for (name, schema::Pick { from, conditions, take }) in pick {
            let slot = self.slot_to_keep(name, from.referenced)?;
            let conditions = conditions.into_iter().collect();
            kept.push((slot, Keep::FirstOf { from: pointer(from)?, conditions, take: pointer(take)? }));
        }
        Ok(kept)
    }

    fn slot_to_keep(&mut self, name: String, place: Location) -> Result<Slot, Problem> {
        match self.names.iter().position(|known| *known == name) {
            Some(slot) if slot < self.given => {
                Err(problem(place, format!("\"{name}\" has a value already; hint: keep another name")))
            }
            Some(slot) => Ok(slot),
            None => {
                self.names.push(name);
                Ok(self.names.len() - 1)
            }
        }
    }
}

impl Step {
    fn slots(&self) -> impl Iterator<Item = Slot> {
        let journal = self.journal.iter().flatten().map(|(_, template)| template);
        let headers = self.headers.iter().map(|(_, template)| template);
        let texts = std::iter::once(&self.path).chain(&self.body).chain(&self.expect.body);
        texts.chain(headers).chain(journal).flat_map(Template::slots)
    }
}

/// The source of a value, or `None` when it has to be found first.
fn source(
    value: Spanned<schema::Value>,
    slot: Slot,
    name: String,
    findings: &mut Vec<Finding>,
) -> Result<Option<Source>, Problem> {
    let place = value.referenced;
    match value.value {
        schema::Value::Zipf { from, to, exponent } => {
            if to < from || to - from >= ZIPF_RANGE_MAX {
                return Err(problem(
                    place,
                    format!("the range {from} to {to} has to have 1 to {ZIPF_RANGE_MAX} numbers"),
                ));
            }
            if !(0.0..=10.0).contains(&exponent) {
                return Err(problem(place, format!("the exponent {exponent} is not between 0 and 10")));
            }
            Ok(Some(Source::Zipf(Zipf::new(from, to, exponent))))
        }
        schema::Value::OneOf(choices) if choices.is_empty() => Err(problem(place, "there is nothing to choose from")),
        schema::Value::OneOf(choices) => Ok(Some(Source::OneOf(choices))),
        schema::Value::Found { after, before, .. } if after.is_empty() || before.is_empty() => {
            Err(problem(place, "\"after\" and \"before\" are texts of one character at least"))
        }
        schema::Value::Found { at, after, before } => {
            findings.push(Finding { slot, name, at, after, before });
            Ok(None)
        }
    }
}

fn pointer(text: Spanned<String>) -> Result<String, Problem> {
    match text.value.starts_with('/') {
        true => Ok(text.value),
        false => Err(problem(text.referenced, "a JSON pointer begins with \"/\"; hint: /order/number")),
    }
}

fn header_name(name: &str, place: Location) -> Result<HeaderName, Problem> {
    name.parse().map_err(|_invalid| problem(place, format!("\"{name}\" is not a header name")))
}

/// What the reader says, without the place that it says itself: ours stands in front.
fn without_place(report: &str, place: Location) -> String {
    let own = format!(" at line {}, column {}", place.line(), place.column());
    report.trim_end().trim_end_matches(&own).to_owned()
}

#[cfg(test)]
mod tests;
