//! Values and lists within their limits.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    model::{ByteRate, ByteSize},
    problem::{At, Code, Report},
    schema::{quantity::AsWritten, read::Written},
};

/// A quantity that a message can show as it would be written.
pub(super) trait Shown: Copy + PartialOrd {
    fn shown(self) -> String;
}

impl Shown for u16 {
    fn shown(self) -> String {
        self.to_string()
    }
}

impl Shown for u32 {
    fn shown(self) -> String {
        self.to_string()
    }
}

impl Shown for ByteSize {
    fn shown(self) -> String {
        self.to_string()
    }
}

impl Shown for ByteRate {
    fn shown(self) -> String {
        self.to_string()
    }
}

impl Shown for Duration {
    fn shown(self) -> String {
        AsWritten(self).to_string()
    }
}

/// The value, or the default where none is written. Reports what is out of range.
pub(super) fn within<T: Shown>(
    written: Option<&Written<T>>,
    default: T,
    range: RangeInclusive<T>,
    report: &mut Report,
) -> T {
    let Some(Written { value, at }) = written else { return default };
    if !range.contains(value) {
        let (least, most) = (range.start().shown(), range.end().shown());
        let allowed = if least == most { format!("only {least}") } else { format!("{least} to {most}") };
        report.refuse(Code::OutOfRange, at, format!("{} is out of range: {allowed} is allowed", value.shown()));
    }
    *value
}

/// Reports a list that is empty or too long.
pub(super) fn count(found: usize, thing: &str, range: RangeInclusive<usize>, at: &At, report: &mut Report) {
    if found < *range.start() {
        let message = match range.start() {
            1 => format!("at least one {thing} is needed"),
            least => format!("at least {least} {thing}s are needed"),
        };
        report.refuse(Code::WrongCount, at, message);
    } else if found > *range.end() {
        report.refuse(Code::WrongCount, at, format!("{found} are too many: at most {} can be given", range.end()));
    }
}
