//! The names that a file gives to its pools, classes and zones, and the references to them.

use std::{collections::HashMap, ops::RangeInclusive};

use super::{bound::count, unique::refuse_repeated};
use crate::{
    problem::{At, Code, Report, suggest},
    schema::read::{Named, Written},
};

/// The longest name that fits into a log line and a metric label without pain.
const NAME_LENGTH_MAX: usize = 64;

/// The names of one kind of thing.
pub(super) struct Names {
    kind: &'static str,
    names: Vec<Written<String>>,
    positions: HashMap<String, usize>,
    used: Vec<bool>,
    /// `false`: the names could not be read, and nothing can be said about references to them.
    known: bool,
    /// Some reference leads nowhere or could not be read; perhaps it meant one that now looks unused.
    dangling: bool,
}

impl Names {
    /// The keys of a mapping; `None`: it could not be read.
    pub(super) fn of_mapping<T>(
        kind: &'static str,
        named: Option<&Named<T>>,
        range: RangeInclusive<usize>,
        report: &mut Report,
    ) -> Self {
        let names = named.map(|named| named.entries.iter().map(|(name, _)| name.clone()).collect());
        Self::new(kind, names.zip(named.map(|named| &named.at)), range, report)
    }

    /// The items of a list; `None`: it could not be read.
    pub(super) fn of_list(
        kind: &'static str,
        list: Option<&Written<Vec<Written<String>>>>,
        range: RangeInclusive<usize>,
        report: &mut Report,
    ) -> Self {
        Self::new(kind, list.map(|list| (list.value.clone(), &list.at)), range, report)
    }

    fn new(
        kind: &'static str,
        written: Option<(Vec<Written<String>>, &At)>,
        range: RangeInclusive<usize>,
        report: &mut Report,
    ) -> Self {
        let known = written.is_some();
        if let Some((names, at)) = &written {
            count(names.len(), kind, range, at, report);
            check_names(kind, names.iter(), report);
        }
        let names = written.map(|(names, _)| names).unwrap_or_default();
        // Of a repeated name the first counts.
        let positions = names.iter().enumerate().rev().map(|(n, name)| (name.value.clone(), n)).collect();
        Self { kind, used: vec![false; names.len()], names, positions, known, dangling: false }
    }

    /// Position of the name that is referred to. `None`: there is none, and that has been reported.
    pub(super) fn find(&mut self, reference: &Written<String>, report: &mut Report) -> Option<u16> {
        if let Some(position) = self.positions.get(&reference.value) {
            self.used[*position] = true;
            return u16::try_from(*position).ok();
        }
        self.dangling = true;
        if self.known {
            let message = format!("unknown {} `{}`", self.kind, reference.value);
            let known = self.names.iter().filter(|_| !report.is_full()).map(|name| name.value.as_str());
            let hint = suggest::hint(&reference.value, known);
            let hint = hint.unwrap_or_else(|| format!("no {} is defined", self.kind));
            report.refuse_with_hint(Code::UnknownName, &reference.at, message, hint);
        }
        None
    }

    /// Some reference could not be read.
    pub(super) fn say_nothing_of_unused(&mut self) {
        self.dangling = true;
    }

    /// Reports the names that nothing refers to.
    pub(super) fn refuse_unused(&self, why: &str, report: &mut Report) {
        if self.dangling {
            return;
        }
        // By position, so that a repeated name counts once; the repetition has been reported.
        let mut unused: Vec<_> = self.positions.values().filter(|position| !self.used[**position]).collect();
        unused.sort();
        for name in unused.into_iter().map(|position| &self.names[*position]) {
            let message = format!("no route uses the {} `{}`", self.kind, name.value);
            report.refuse_with_hint(Code::UnusedName, &name.at, message, why);
        }
    }

    /// How many there are; `None` if they could not be read.
    pub(super) fn count(&self) -> Option<usize> {
        self.known.then_some(self.names.len())
    }

    pub(super) fn into_texts(self) -> Vec<String> {
        self.names.into_iter().map(|name| name.value).collect()
    }
}

/// Whether a name is well-formed, such as that of a zone where it does not stand in a file.
pub fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    plain && begins && (1..=NAME_LENGTH_MAX).contains(&name.len())
}

/// Whether a name is well-formed; reports it otherwise.
pub(super) fn check_name(kind: &str, name: &str, at: &At, report: &mut Report) -> bool {
    let good = is_name(name);
    if !good {
        let hint = format!("1 to {NAME_LENGTH_MAX} of a-z, 0-9, _ and -, starting with a letter");
        report.refuse_with_hint(Code::WrongName, at, format!("`{name}` is no {kind} name"), hint);
    }
    good
}

/// Reports names that are ill-formed or written twice.
pub(super) fn check_names<'a>(
    kind: &str,
    names: impl Iterator<Item = &'a Written<String>> + Clone,
    report: &mut Report,
) {
    for Written { value, at } in names.clone() {
        check_name(kind, value, at, report);
    }
    refuse_repeated(
        Code::RepeatedName,
        &format!("{kind} name"),
        names.map(|name| (name.value.as_str(), &name.at)),
        report,
    );
}
