//! What a pattern of `include` finds on disk.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::problem::{At, Code, Report};

/// Entries of a folder that are looked at.
const ENTRIES_MAX: usize = 100_000;
/// As a shell does it: a name that starts with a dot is only meant where the dot is written.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Why a pattern finds nothing.
#[derive(Debug)]
pub(super) struct Fault {
    code: Code,
    message: String,
    hint: &'static str,
}

impl Fault {
    pub(super) fn report(self, at: &At, report: &mut Report) {
        report.refuse_with_hint(self.code, at, self.message, self.hint);
    }
}

/// The files that `pattern` means, seen from `folder`, sorted by name; at least one and at most `most`.
pub(super) fn find(pattern: &str, folder: &Path, most: usize) -> Result<Vec<PathBuf>, Fault> {
    let (folder, name) = match pattern.rsplit_once('/') {
        Some(("", name)) => (PathBuf::from("/"), name),
        Some((below, name)) => (folder.join(below), name),
        None => (folder.to_owned(), pattern),
    };
    let is_pattern = |text: &str| text.contains(['*', '?', '[']);
    if name.is_empty() || pattern.contains('\0') || pattern.rsplit_once('/').is_some_and(|(below, _)| is_pattern(below))
    {
        let message = format!("`{pattern}` names no files");
        let hint = "a path such as `pools.yaml` or `routes/*.yaml`, with `*` only behind the last `/`";
        return Err(Fault { code: Code::WrongFilePath, message, hint });
    }
    if !is_pattern(name) {
        return Ok(vec![folder.join(name)]);
    }
    let pattern = Pattern::new(name).map_err(|error| Fault {
        code: Code::WrongFilePath,
        message: format!("`{pattern}` names no files: {}", error.msg),
        hint: "`*` stands for any characters, `?` for one, `[ab]` for one of these",
    })?;
    let found = matching(&pattern, &folder, most)?;
    if found.is_empty() {
        let message = format!("nothing in `{}` matches `{pattern}`", shown(&folder));
        return Err(Fault { code: Code::NothingIncluded, message, hint: "remove the pattern, or correct it" });
    }
    Ok(found)
}

fn matching(pattern: &Pattern, folder: &Path, most: usize) -> Result<Vec<PathBuf>, Fault> {
    let unreadable = |error: std::io::Error| Fault {
        code: Code::UnreadableFile,
        message: format!("the folder `{}` cannot be read: {error}", shown(folder)),
        hint: "a relative path starts from the folder of this file",
    };
    // What `Path::new("")` means to a reader, `read_dir` does not know.
    let entries = if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.read_dir().map_err(unreadable)?;
    let mut found = Vec::new();
    for (n, entry) in entries.enumerate() {
        let name = entry.map_err(unreadable)?.file_name();
        if pattern.matches_with(&name.to_string_lossy(), OPTIONS) {
            if name.to_str().is_none() {
                let message = format!("a name in `{}` is not UTF-8: `{}`", shown(folder), name.display());
                return Err(Fault { code: Code::UnreadableFile, message, hint: "rename it, or include it no longer" });
            }
            found.push(folder.join(name));
        }
        if found.len() > most || n > ENTRIES_MAX {
            let message = format!("`{}` has too many files for `{pattern}`", shown(folder));
            return Err(Fault { code: Code::TooLarge, message, hint: "keep configuration in a folder of its own" });
        }
    }
    found.sort();
    Ok(found)
}

fn shown(folder: &Path) -> std::path::Display<'_> {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.display()
}
