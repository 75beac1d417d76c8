//! What is wrong with a configuration, for programs to read: one object a problem.

use config::{Problem, Problems};
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
    /// Of the last line alone, where there are more problems than are listed: how many more.
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<usize>,
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
            omitted: None,
        }
    }
}

impl ProblemLine {
    /// Each problem that is listed, and one line more for those that are not.
    pub(crate) fn of_all(problems: &Problems) -> Vec<Self> {
        let omitted = problems.count() - problems.iter().len();
        let more = (omitted > 0).then(|| Self {
            code: None,
            name: None,
            file: String::new(),
            line: 0,
            column: 0,
            path: String::new(),
            message: format!("{omitted} more problems are not listed"),
            hint: Some("correct these first".to_owned()),
            omitted: Some(omitted),
        });
        problems.iter().map(Self::from).chain(more).collect()
    }

    /// The problems for which a configuration was not taken over; those with what is written.
    pub(crate) fn of_refusal(refused: &ReloadError) -> Vec<Self> {
        match refused {
            ReloadError::Config(problems) => Self::of_all(problems),
            _ => Vec::new(),
        }
    }
}
