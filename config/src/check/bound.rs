//! Values and lists within their limits.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    model::{ByteRate, ByteSize, Percent},
    problem::{At, Code, Report},
    schema::{
        quantity::{AsWritten, WholePercent},
        read::Written,
    },
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

impl Shown for Percent {
    fn shown(self) -> String {
        self.to_string()
    }
}

impl Shown for WholePercent {
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

/// So many percent, 100 at most.
pub(super) fn percent(number: u16) -> Percent {
    Percent::from_basis_points(number * 100).expect("at most the whole")
}

/// Reports a time that goes out in a field of whole seconds.
pub(super) fn whole_seconds(written: Option<&Written<Duration>>, report: &mut Report) {
    if let Some(Written { value, at }) = written
        && value.subsec_nanos() != 0
    {
        report.refuse_with_hint(Code::WrongQuantity, at, "not a whole number of seconds", "write it in `s`");
    }
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
