//! The files of a configuration as text: the main file and everything that it includes.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

mod text;
mod pattern;
mod outside;
mod admin;
mod endpoints;
mod watched;

use crate::{
    check, effective, model,
    problem::{At, Code, FileId, Problems, Report},
    schema::{self, include},
    tree::{self, Node},
};
pub use admin::admin_of;
pub use endpoints::endpoints;
pub use outside::Outside;
use text::Text;
pub use watched::watched;

/// Files in all, the main file counted.
const FILES_MAX: usize = 1000;
/// Files that include one another, the main file not counted.
const NESTING_MAX: usize = 4;
/// Bytes in all.
const SIZE_MAX: u64 = 16 << 20;
/// Keys and values in all, those that aliases stand for included: each takes some 100 bytes while it is read.
const NODES_MAX: usize = 1_000_000;

/// A configuration as it is written: the text of the main file and of everything that it includes, as it was when it
/// was read. Later changes on disk do not reach it.
#[derive(Clone, Debug)]
pub struct Sources {
    /// By [`FileId`]: the main file first, each file before those that it includes.
    files: Vec<Text>,
    /// What was read of them, all files joined. `None`: it is read again when it is needed.
    tree: Option<Arc<Node>>,
}

impl Sources {
    /// Reads a configuration file and everything that it includes.
    ///
    /// # Errors
    /// Every file that cannot be read, includes wrongly or is not YAML. What the files mean is not looked at: most of
    /// what could be said while parts are missing would only follow from that.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        let text = text::read(path).map_err(|fault| fault.of_main(path))?;
        Self::gather(path, text)
    }

    /// Takes the main file from memory, as if `text` stood in the file `path`; what it includes is read from disk.
    ///
    /// # Errors
    /// As [`Sources::read`].
    pub fn with_main(text: String, path: &Path) -> Result<Self, Problems> {
        let text = text::bounded(text.into()).map_err(|fault| fault.of_main(path))?;
        Self::gather(path, text)
    }

    fn gather(path: &Path, text: String) -> Result<Self, Problems> {
        let Gathering { files, trees, report, .. } = Gathering::of(path, text);
        let mut sources = Self { files, tree: None };
        if let Some(problems) = report.into_problems(&sources) {
            return Err(problems);
        }
        // What cannot be joined is for those to hear who ask what it means.
        let mut report = Report::default();
        let tree = include::join(trees, &mut report);
        sources.tree = tree.filter(|_| report.into_problems(&sources).is_none()).map(Arc::new);
        Ok(sources)
    }

    /// The same as text alone, which needs a tenth of the memory; to be kept for later.
    #[must_use]
    pub fn without_tree(self) -> Self {
        Self { tree: None, ..self }
    }

    /// Checks what is written and resolves it into the model.
    ///
    /// # Errors
    /// Everything that is wrong with the files, sorted by file in the order of reading, then by place.
    pub fn interpret(&self) -> Result<model::Config, Problems> {
        let mut report = Report::new(self.files.iter().map(|file| file.path.clone()));
        let root = self.root(&mut report);
        let written = root.and_then(|root| schema::Config::read_root(&root, &mut report));
        let checked = written.and_then(|written| check::check(written, self, &mut report));
        match report.into_problems(self) {
            Some(problems) => Err(problems),
            None => Ok(checked.expect("what was refused has been reported")),
        }
    }

    /// The whole configuration as one YAML file, with every default written out, and behind each value where it comes
    /// from: `# edge.yaml:12` or `# default`. Read again it means the same; paths are absolute.
    ///
    /// # Errors
    /// As [`Sources::interpret`].
    pub fn effective(&self) -> Result<String, Problems> {
        let config = self.interpret()?;
        let root = self.root(&mut Report::default()).expect("it has just been read");
        Ok(effective::render(&config, &root, self))
    }

    /// All files as one tree. `None`: `report` says why.
    fn root(&self, report: &mut Report) -> Option<Arc<Node>> {
        if let Some(tree) = &self.tree {
            return Some(Arc::clone(tree));
        }
        let trees = self.files.iter().enumerate().map(|(n, file)| tree::parse(&file.text, FileId::of(n), report));
        let trees = trees.collect::<Option<Vec<_>>>()?;
        include::join(trees, report).map(Arc::new)
    }

    /// Path and text of each file, the main file first.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|file| (file.path.as_path(), file.text.as_str()))
    }

    /// One file that is not looked into.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str, path: &str) -> Self {
        Self { files: vec![Text { path: path.into(), text: text.into() }], tree: None }
    }

    pub(crate) fn path(&self, file: FileId) -> &Path {
        self.files.get(file.index()).map_or(Path::new(""), |file| &file.path)
    }

    pub(crate) fn lines(&self, file: FileId) -> impl Iterator<Item = &str> {
        self.files.get(file.index()).into_iter().flat_map(|file| text::lines(&file.text))
    }

    /// Line `number` of a file, from 1; empty where there is none.
    pub(crate) fn line(&self, file: FileId, number: u32) -> &str {
        let before = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        self.lines(file).nth(before).unwrap_or_default()
    }

    /// A path that is written at `at`; a relative one starts from the folder of the file that it stands in.
    pub(crate) fn resolve(&self, path: &Path, at: &At) -> PathBuf {
        folder(self.path(at.place.file)).join(path)
    }
}

/// The folder that a file is in, as it was named.
fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Sources while they are read.
#[derive(Default)]
struct Gathering {
    files: Vec<Text>,
    /// In the same order, as far as they are YAML.
    trees: Vec<Node>,
    /// Each file by its one true name, and where it is included.
    included: HashMap<PathBuf, Option<At>>,
    /// Paths and patterns of what is included, there or not.
    sought: BTreeSet<PathBuf>,
    size: u64,
    nodes: usize,
    report: Report,
}

impl Gathering {
    fn of(path: &Path, text: String) -> Self {
        let mut gathering = Self::default();
        let main = gathering.add(path.to_owned(), text);
        gathering.follow(main, 0);
        gathering
    }

    fn add(&mut self, path: PathBuf, text: String) -> FileId {
        if self.files.is_empty() {
            self.included.extend(path.canonicalize().ok().map(|path| (path, None)));
        }
        self.size += u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.report.name_file(path.clone());
        self.files.push(Text { path, text });
        FileId::of(self.files.len() - 1)
    }

    /// Reads what a file includes, `depth` below the main file.
    fn follow(&mut self, file: FileId, depth: usize) {
        let Some(root) = tree::parse(&self.files[file.index()].text, file, &mut self.report) else { return };
        self.nodes += root.count();
        if self.nodes > NODES_MAX {
            let message = format!("there are more than {NODES_MAX} keys and values up to here");
            self.report.refuse(Code::TooLarge, &At::root(root.place), message);
            return;
        }
        let patterns = include::patterns(&root, &mut self.report);
        self.trees.push(root);
        for pattern in patterns {
            if depth == NESTING_MAX {
                let message = format!("files include one another more than {NESTING_MAX} deep");
                self.report.refuse_with_hint(Code::TooLarge, &pattern.at, message, "include this from the main file");
                return;
            }
            let folder = folder(&self.files[file.index()].path);
            self.sought.insert(folder.join(&pattern.value));
            let found = pattern::find(&pattern.value, folder, FILES_MAX);
            match found {
                Ok(paths) => paths.into_iter().for_each(|path| self.include(path, &pattern.at, depth)),
                Err(fault) => fault.report(&pattern.at, &mut self.report),
            }
        }
    }

    /// Reads one file that is included at `at`, and what it includes in turn.
    fn include(&mut self, path: PathBuf, at: &At, depth: usize) {
        if self.files.len() > FILES_MAX || self.size > SIZE_MAX {
            return;
        }
        self.sought.insert(path.clone());
        let name = path.display();
        let one_name = path.canonicalize().unwrap_or_else(|_| path.clone());
        if let Some(before) = self.included.get(&one_name) {
            let message = format!("`{name}` is included twice");
            let hint = match before {
                None => "it is the main file".into(),
                Some(first) => format!("it is first included at {}", self.report.whereabouts(first, at)),
            };
            self.report.refuse_with_hint(Code::IncludedTwice, at, message, hint);
            return;
        }
        self.included.insert(one_name, Some(at.clone()));
        let text = match text::read(&path) {
            Ok(text) => text,
            Err(fault) => return fault.of_included(&path, at, &mut self.report),
        };
        let file = self.add(path, text);
        if self.size > SIZE_MAX {
            let message = format!("the files up to here have more than {SIZE_MAX} bytes");
            self.report.refuse(Code::TooLarge, at, message);
        } else if self.files.len() > FILES_MAX {
            self.report.refuse(Code::TooLarge, at, format!("there are more than {FILES_MAX} files"));
        } else {
            self.follow(file, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests;
