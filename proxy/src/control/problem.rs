//! What is wrong with a configuration, for programs to read: one object a problem.

use config::Problem;
use serde::Serialize;

use super::reload::ReloadError;

/// One problem. Line and column are 0 where no place can be named.
#[derive(Debug, Serialize)]
pub(crate) struct ProblemLine {
    code: Option<&'static str>,
    name: Option<&'static str>,
    file: String,
    line: u32,
    column: u32,
    path: String,
    message: String,
    hint: Option<String>,
}

impl From<&Problem> for ProblemLine {
    fn from(problem: &Problem) -> Self {
        Self {
            code: Some(problem.code.number()),
            name: Some(problem.code.name()),
            file: problem.file.display().to_string(),
            line: problem.line,
            column: problem.column,
            path: problem.path.clone(),
            message: problem.message.clone(),
            hint: problem.hint.clone(),
        }
    }
}

impl ProblemLine {
    /// The problems for which a configuration was not taken over; those with what is written.
    pub(crate) fn of_refusal(refused: &ReloadError) -> Vec<Self> {
        match refused {
            ReloadError::Config(problems) => problems.iter().map(Self::from).collect(),
            _ => Vec::new(),
        }
    }
}
