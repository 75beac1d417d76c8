//! What is wrong with a file, where, and what to do about it.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    rc::Rc,
};

use crate::source::Sources;

mod code;
mod secrecy;
pub(crate) mod suggest;

pub use code::Code;

/// Problems printed of one file; a file with more has something wrong at large.
const SHOWN_MAX: usize = 100;
/// Problems kept; a file can have a million, and each takes some hundred bytes.
const KEPT_MAX: usize = 10_000;
/// Characters of a source line that are printed.
const EXCERPT_MAX: usize = 160;

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named when it was loaded.
    pub file: PathBuf,
    /// Line, from 1; 0 where the file as a whole is meant.
    pub line: u32,
    /// Column in characters, from 1; 0 where the file as a whole is meant.
    pub column: u32,
    /// What kind of problem it is.
    pub code: Code,
    /// Dotted path such as `routes[2].pool`; empty at the top.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line, with control characters replaced; of a very long one, the part around `column`.
    pub source_line: String,
    /// Characters of `source_line` before the place.
    caret: usize,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whoever may write into an included folder chooses names there.
        write!(f, "{}:", printable(&self.file.to_string_lossy()))?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        write!(f, " {}", self.code)?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if self.line > 0 {
            let line = self.line.to_string();
            write!(f, "\n  {line} | {}", self.source_line)?;
            write!(f, "\n  {:line_width$} | {:caret$}^", "", "", line_width = line.len(), caret = self.caret)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a configuration, sorted by file and place; at least one problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    shown: Vec<Problem>,
    omitted: usize,
}

impl Problems {
    /// A single problem with the file as a whole.
    pub(crate) fn whole_file(code: Code, file: &Path, message: String, hint: Option<String>) -> Self {
        let problem = Problem {
            file: file.to_owned(),
            line: 0,
            column: 0,
            code,
            path: String::new(),
            message,
            hint,
            source_line: String::new(),
            caret: 0,
        };
        Self { shown: vec![problem], omitted: 0 }
    }

    /// The problems, by place; at most the first hundred.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.shown.iter()
    }

    /// These, and then those of other files.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        let all = self.count() + other.count();
        self.shown.extend(other.shown);
        self.shown.truncate(SHOWN_MAX);
        Self { omitted: all - self.shown.len(), shown: self.shown }
    }

    /// How many there are, including those that [`Problems::iter`] leaves out.
    pub fn count(&self) -> usize {
        self.shown.len() + self.omitted
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.shown.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        if self.omitted > 0 {
            write!(f, "\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Position of a file in [`Sources`]; 0 is the main file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(u16);

impl FileId {
    pub(crate) fn of(position: usize) -> Self {
        Self(u16::try_from(position).expect("there are at most a thousand files"))
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Line and column, both from 1, of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: FileId,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Place {
    pub(crate) const START: Self = Self { file: FileId(0), line: 1, column: 1 };
}

/// Where something stands: in the file, and in the tree.
#[derive(Clone, Debug)]
pub(crate) struct At {
    pub(crate) place: Place,
    trail: Option<Rc<Step>>,
}

/// One step down the tree. Linked upwards, so that deep trees with long keys share their prefixes.
#[derive(Debug)]
struct Step {
    parent: Option<Rc<Step>>,
    name: StepName,
}

#[derive(Debug)]
enum StepName {
    Key(String),
    Index(usize),
}

impl At {
    /// At the top of the tree.
    pub(crate) fn root(place: Place) -> Self {
        Self { place, trail: None }
    }

    /// The value of `key` below this.
    pub(crate) fn key(&self, key: &str, place: Place) -> Self {
        self.step(StepName::Key(key.to_owned()), place)
    }

    /// The item number `index` of this, from 0.
    pub(crate) fn index(&self, index: usize, place: Place) -> Self {
        self.step(StepName::Index(index), place)
    }

    fn step(&self, name: StepName, place: Place) -> Self {
        Self { place, trail: Some(Rc::new(Step { parent: self.trail.clone(), name })) }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.trail.as_ref().map_or(Ok(()), |step| step.fmt(f))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = &self.parent {
            parent.fmt(f)?;
        }
        match &self.name {
            StepName::Key(key) if self.parent.is_some() => write!(f, ".{key}"),
            StepName::Key(key) => f.write_str(key),
            StepName::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// Collects what is wrong while files are read and checked.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By [`FileId`].
    files: Vec<PathBuf>,
    findings: Vec<Finding>,
    /// Problems beyond [`KEPT_MAX`].
    dropped: usize,
}

#[derive(Debug)]
struct Finding {
    code: Code,
    at: At,
    message: String,
    hint: Option<String>,
}

impl Report {
    /// About these files, by [`FileId`].
    pub(crate) fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { files: files.into_iter().collect(), ..Self::default() }
    }

    /// Adds the next file.
    pub(crate) fn name_file(&mut self, path: PathBuf) {
        self.files.push(path);
    }

    /// The line of something for a reader who looks at `from`: `line 3`, or `line 3 of pools.yaml`.
    pub(crate) fn line(&self, at: &At, from: &At) -> String {
        let Place { file, line, .. } = at.place;
        match self.files.get(file.index()) {
            Some(path) if file != from.place.file => format!("line {line} of `{}`", path.display()),
            _ => format!("line {line}"),
        }
    }

    /// Path and line of something for a reader who looks at `from`: `pools.shop, line 3`.
    pub(crate) fn whereabouts(&self, at: &At, from: &At) -> String {
        format!("{at}, {}", self.line(at, from))
    }

    /// Adds a problem.
    pub(crate) fn refuse(&mut self, code: Code, at: &At, message: impl Into<String>) {
        self.add(Finding { code, at: at.clone(), message: message.into(), hint: None });
    }

    /// Adds a problem and what to do about it.
    pub(crate) fn refuse_with_hint(
        &mut self,
        code: Code,
        at: &At,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add(Finding { code, at: at.clone(), message: message.into(), hint: Some(hint.into()) });
    }

    /// Whether further problems are only counted, so that hints for them are wasted work.
    pub(crate) fn is_full(&self) -> bool {
        self.findings.len() >= KEPT_MAX
    }

    fn add(&mut self, finding: Finding) {
        if self.is_full() {
            self.dropped += 1;
        } else {
            self.findings.push(finding);
        }
    }

    /// `None` if nothing is wrong.
    pub(crate) fn into_problems(mut self, sources: &Sources) -> Option<Problems> {
        self.findings.sort_by_key(|finding| finding.at.place);
        let count = self.findings.len() + self.dropped;
        let hidden = secrecy::hidden_lines(&self.findings, SHOWN_MAX, sources);
        let shown: Vec<_> =
            self.findings.into_iter().take(SHOWN_MAX).map(|finding| finding.show(sources, &hidden)).collect();
        (count > 0).then(|| Problems { omitted: count - shown.len(), shown })
    }
}

impl Finding {
    fn show(self, sources: &Sources, hidden: &BTreeSet<(FileId, u32)>) -> Problem {
        let Place { file, line, column } = self.at.place;
        let before = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
        let (source_line, caret) = match hidden.contains(&(file, line)) {
            true => (secrecy::HIDDEN.to_owned(), 0),
            false => excerpt(sources.line(file, line), before),
        };
        let printable = |text: &str| printable(&secrecy::without_key(text));
        Problem {
            file: sources.path(file).to_owned(),
            line,
            column,
            code: self.code,
            path: printable(&self.at.to_string()),
            message: printable(&self.message),
            hint: self.hint.as_deref().map(printable),
            source_line,
            caret,
        }
    }
}

/// The part of a line around a column, and how many of its characters stand before the column.
fn excerpt(line: &str, before: usize) -> (String, usize) {
    let length = line.chars().count();
    let before = before.min(length);
    let skipped = if length > EXCERPT_MAX { before.saturating_sub(EXCERPT_MAX / 2) } else { 0 };
    let part = line.chars().skip(skipped).take(EXCERPT_MAX);
    (part.map(|c| if c.is_control() { ' ' } else { c }).collect(), before - skipped)
}

/// Text of the file that is safe to print: a control character could drive the reader's terminal.
pub(crate) fn printable(text: &str) -> String {
    const MAX: usize = 500;
    let mut out = String::with_capacity(text.len().min(MAX));
    for (n, c) in text.chars().enumerate() {
        match c {
            _ if n == MAX => {
                out.push('…');
                break;
            }
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
