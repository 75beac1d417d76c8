//! Quantities as they are written: a whole number with its unit, and nothing without one.

use std::{fmt, time::Duration};

use super::describe::{Form, Shape};
use super::read::{Read, found, refuse_kind};
use crate::{
    model::{ByteRate, ByteSize, Percent, Rate},
    problem::{At, Code, Report},
    tree::{Node, Value},
};

const BYTE_UNITS: [(&str, u64); 5] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
const TIME_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZE: Form = Form { what: "a size", example: "64KiB", pattern: "^[0-9]+(B|KiB|MiB|GiB|TiB)$" };
const BYTE_RATE: Form = Form { what: "a rate of bytes", example: "500B/s", pattern: "^[0-9]+(B|KiB|MiB|GiB|TiB)/s$" };
const TIME: Form = Form { what: "a time", example: "500ms", pattern: "^[0-9]+(ms|s|m|h|d)$" };
const SHARE: Form = Form { what: "a share", example: "10%", pattern: "^[0-9]+(\\.[0-9]{1,2})?%$" };
const WHOLE_PERCENT: Form = Form { what: "a share of the whole or more", example: "125%", pattern: "^[0-9]+%$" };
const RATE: Form = Form { what: "a rate", example: "50/s", pattern: "^[0-9]+k?/[smh]$" };

impl Read for ByteSize {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let suggest = |text: &str| {
            let (digits, unit) = split(text);
            let letter = unit.trim_start().chars().next()?.to_ascii_uppercase();
            let unit = BYTE_UNITS.iter().map(|(unit, _)| *unit).find(|unit| unit.starts_with(letter))?;
            Some(format!("{digits}{unit}"))
        };
        read_quantity(
            node,
            at,
            report,
            SIZE,
            "a whole number and its unit: B, KiB, MiB, GiB or TiB",
            byte_size,
            suggest,
        )
    }

    fn shape() -> Shape {
        Shape::Text(SIZE)
    }
}

impl Read for ByteRate {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let suggest = |text: &str| byte_size(text).map(|size| ByteRate(size.0).to_string());
        read_quantity(
            node,
            at,
            report,
            BYTE_RATE,
            "a whole number, its unit (B, KiB, MiB, GiB or TiB), and `/s`",
            byte_rate,
            suggest,
        )
    }

    fn shape() -> Shape {
        Shape::Text(BYTE_RATE)
    }
}

impl Read for Duration {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let suggest = |text: &str| {
            let (digits, unit) = split(text);
            let unit = unit.trim_start().to_ascii_lowercase();
            let known = match unit.as_str() {
                "ms" | "msec" | "millis" => "ms",
                "s" | "sec" | "secs" | "second" | "seconds" => "s",
                "m" | "min" | "mins" | "minute" | "minutes" => "m",
                "h" | "hr" | "hour" | "hours" => "h",
                "d" | "day" | "days" => "d",
                _ => return None,
            };
            Some(format!("{digits}{known}"))
        };
        read_quantity(node, at, report, TIME, "a whole number and its unit: ms, s, m, h or d", duration, suggest)
    }

    fn shape() -> Shape {
        Shape::Text(TIME)
    }
}

impl Read for Percent {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        read_quantity(node, at, report, SHARE, "a number from 0 to 100, and `%`", percent, |_| None)
    }

    fn shape() -> Shape {
        Shape::Text(SHARE)
    }
}

/// A share that may be more than the whole, in whole percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WholePercent(pub(crate) u16);

impl fmt::Display for WholePercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl Read for WholePercent {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        read_quantity(node, at, report, WHOLE_PERCENT, "a whole number, and `%`", whole_percent, |_| None)
    }

    fn shape() -> Shape {
        Shape::Text(WHOLE_PERCENT)
    }
}

impl Read for Rate {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        read_quantity(
            node,
            at,
            report,
            RATE,
            "a whole number above zero, `k` for thousands, and its unit: /s, /m or /h",
            rate,
            |_| None,
        )
    }

    fn shape() -> Shape {
        Shape::Text(RATE)
    }
}

fn read_quantity<T>(
    node: &Node,
    at: &At,
    report: &mut Report,
    expected: Form,
    form: &str,
    parse: fn(&str) -> Option<T>,
    suggest: fn(&str) -> Option<String>,
) -> Option<T> {
    let expected = expected.expected();
    match &node.value {
        Value::Text(text) => {
            let value = parse(text);
            if value.is_none() {
                let hint = match suggest(text).filter(|better| parse(better).is_some()) {
                    Some(better) => format!("did you mean `{better}`?"),
                    None => format!("write {form}"),
                };
                report.refuse_with_hint(Code::WrongQuantity, at, format!("expected {expected}, found `{text}`"), hint);
            }
            value
        }
        Value::Integer(_) | Value::Float(_) => {
            let message = format!("expected {expected}, found {} without a unit", found(&node.value));
            report.refuse_with_hint(Code::MissingUnit, at, message, format!("write {form}"));
            None
        }
        _ => refuse_kind(node, at, report, &expected),
    }
}

/// `64KiB`.
pub(crate) fn byte_size(text: &str) -> Option<ByteSize> {
    in_units(text, &BYTE_UNITS).map(ByteSize)
}

/// `500B/s`.
fn byte_rate(text: &str) -> Option<ByteRate> {
    byte_size(text.strip_suffix("/s")?).map(|size| ByteRate(size.0))
}

/// A time as it is written, such as `500ms`: a whole number and its unit, ms, s, m, h or d. `None` if it is none.
pub fn duration(text: &str) -> Option<Duration> {
    in_units(text, &TIME_UNITS).map(Duration::from_millis)
}

fn in_units(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = split(text);
    let (_, size) = units.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*size)
}

/// `10%`, `0.5%`; hundredths of a percent are the finest.
fn percent(text: &str) -> Option<Percent> {
    let (whole, rest) = split(text.strip_suffix('%')?);
    let hundredths = match rest.strip_prefix('.') {
        None if rest.is_empty() => 0,
        Some(digits) if matches!(digits.len(), 1 | 2) && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{digits:0<2}").parse().ok()?
        }
        _ => return None,
    };
    let whole: u16 = whole.parse().ok()?;
    Percent::from_basis_points(whole.checked_mul(100)?.checked_add(hundredths)?)
}

/// `125%`
fn whole_percent(text: &str) -> Option<WholePercent> {
    let (digits, "%") = split(text) else { return None };
    digits.parse().ok().map(WholePercent)
}

/// `50/s`, `5k/s`, `100/m`.
fn rate(text: &str) -> Option<Rate> {
    let (count, unit) = text.split_once('/')?;
    let (digits, thousands) = match count.strip_suffix('k') {
        Some(digits) => (digits, 1000),
        None => (count, 1),
    };
    let (digits, "") = split(digits) else { return None };
    let count = digits.parse::<u32>().ok()?.checked_mul(thousands)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    (count > 0).then(|| Rate { count, period: Duration::from_secs(seconds) })
}

/// Leading digits, and what follows them.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// A time in the largest unit that states it exactly.
pub(crate) struct AsWritten(pub(crate) Duration);

impl fmt::Display for AsWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let whole = TIME_UNITS.iter().rev().find(|(_, size)| millis.is_multiple_of(u128::from(*size)) && millis > 0);
        let (unit, size) = whole.unwrap_or(&("s", 1000));
        write!(f, "{}{unit}", millis / u128::from(*size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_read() {
        for (text, bytes) in [("0B", 0), ("1B", 1), ("32KiB", 32 << 10), ("5MiB", 5 << 20), ("2GiB", 2 << 30)] {
            assert_eq!(byte_size(text), Some(ByteSize(bytes)), "{text}");
        }
        for (text, bytes) in [("0B/s", 0), ("500B/s", 500), ("2KiB/s", 2048)] {
            assert_eq!(byte_rate(text), Some(ByteRate(bytes)), "{text}");
        }
        for (text, millis) in [("0s", 0), ("500ms", 500), ("30s", 30_000), ("10m", 600_000), ("1d", 86_400_000)] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for (text, fraction) in [("0%", 0.0), ("10%", 0.1), ("0.5%", 0.005), ("12.25%", 0.1225), ("100%", 1.0)] {
            assert_eq!(percent(text).map(Percent::fraction), Some(fraction), "{text}");
        }
        for (text, percent) in [("0%", 0), ("125%", 125), ("65535%", 65_535)] {
            assert_eq!(whole_percent(text), Some(WholePercent(percent)), "{text}");
        }
        for (text, count, seconds) in [("1/s", 1, 1), ("5k/s", 5000, 1), ("100/m", 100, 60), ("7/h", 7, 3600)] {
            assert_eq!(rate(text), Some(Rate { count, period: Duration::from_secs(seconds) }), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "B", "1", "1 KiB", "1KB", "1kib", "1.5MiB", "-1B", "+1B", "18014398509481984KiB", "99999999TiB"]
        {
            assert_eq!(byte_size(text), None, "{text}");
        }
        for text in ["", "/s", "500/s", "500B", "500B/m", "500B /s", "500B/S", "-1B/s", "99999999TiB/s"] {
            assert_eq!(byte_rate(text), None, "{text}");
        }
        for text in ["", "s", "1", "1 s", "1S", "1sec", "1.5s", "-1s", "1s30", "99999999999999999999s"] {
            assert_eq!(duration(text), None, "{text}");
        }
        for text in ["", "%", "1", "101%", "100.01%", "1.%", ".5%", "0.123%", "-1%", "1,5%", "700%", "99999%"] {
            assert_eq!(percent(text), None, "{text}");
        }
        for text in ["", "%", "125", "1.25", "125.5%", "-1%", "+1%", "125 %", "65536%"] {
            assert_eq!(whole_percent(text), None, "{text}");
        }
        for text in ["", "/s", "k/s", "0/s", "1", "1/", "1/d", "1 /s", "1K/s", "+1/s", "5000000k/s"] {
            assert_eq!(rate(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_displayed_is_read_back(bytes: u64, millis in 0..u64::MAX, basis_points in 0..=10_000_u16) {
            prop_assert_eq!(byte_size(&ByteSize(bytes).to_string()), Some(ByteSize(bytes)));
            prop_assert_eq!(byte_rate(&ByteRate(bytes).to_string()), Some(ByteRate(bytes)));
            let time = Duration::from_millis(millis);
            prop_assert_eq!(duration(&AsWritten(time).to_string()), Some(time));
            let share = Percent::from_basis_points(basis_points);
            prop_assert_eq!(percent(&share.unwrap().to_string()), share);
            prop_assert_eq!(whole_percent(&WholePercent(basis_points).to_string()), Some(WholePercent(basis_points)));
        }

        #[test]
        fn no_text_panics(text: String, nearly in "[0-9]{0,22}[.a-zA-Z%/µ ]{0,4}") {
            for text in [text, nearly] {
                byte_size(&text);
                byte_rate(&text);
                duration(&text);
                percent(&text);
                whole_percent(&text);
                rate(&text);
            }
        }
    }
}
