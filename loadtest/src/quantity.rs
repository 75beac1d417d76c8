//! Quantities as people write them: `20s`, `500ms`, `0.1%`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

/// A length of time; written as a number and one of the units `ms`, `s`, `m`, `h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) Duration);

/// A part of a whole, between 0 and 1; written in per cent.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Share(pub(crate) f64);

/// A text that is not the quantity it should be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum QuantityError {
    /// Not a length of time.
    #[error("\"{0}\" is not a length of time; hint: write a number and ms, s, m or h, as in 20s or 500ms")]
    Span(String),
    /// Not a share.
    #[error("\"{0}\" is not a share; hint: write per cent between 0% and 100%, as in 0.1%")]
    Share(String),
}

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Span, QuantityError> {
        let refuse = || QuantityError::Span(text.to_owned());
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(refuse)?;
        let (number, unit) = text.split_at(unit_at);
        let seconds_per_unit = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(refuse()),
        };
        let seconds = decimal(number).ok_or_else(refuse)? * seconds_per_unit;
        Duration::try_from_secs_f64(seconds).map(Span).map_err(|_out_of_range| refuse())
    }
}

impl FromStr for Share {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Share, QuantityError> {
        text.strip_suffix('%')
            .and_then(decimal)
            .map(|per_cent| per_cent / 100.0)
            .filter(|share| *share <= 1.0)
            .map(Share)
            .ok_or_else(|| QuantityError::Share(text.to_owned()))
    }
}

/// Digits with at most one point; `f64` alone would also take `inf`, `-1` and `1e9`.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    plain.then(|| text.parse().ok()).flatten()
}

impl TryFrom<String> for Span {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Span, QuantityError> {
        text.parse()
    }
}

impl TryFrom<String> for Share {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Share, QuantityError> {
        text.parse()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 1.0 { write!(f, "{} ms", round3(seconds * 1e3)) } else { write!(f, "{} s", round3(seconds)) }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", round3(self.0 * 100.0))
    }
}

fn round3(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_every_unit() {
        let read = |text: &str| text.parse::<Span>().map(|span| span.0);
        assert_eq!(read("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(read("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(read("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(read("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(read("1h"), Ok(Duration::from_secs(3600)));
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "20", "s", "-1s", "1e9s", "infs", "1..2s", "20 s", "20d", "99999999999999999999999s"] {
            assert_eq!(text.parse::<Span>(), Err(QuantityError::Span(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn shares_are_per_cent() {
        assert_eq!("0.1%".parse(), Ok(Share(0.001)));
        assert_eq!("100%".parse(), Ok(Share(1.0)));
        for text in ["0.1", "101%", "-1%", "%", "nan%"] {
            assert_eq!(text.parse::<Share>(), Err(QuantityError::Share(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn quantities_are_written_with_three_decimals_at_most() {
        assert_eq!(Span(Duration::from_micros(1234)).to_string(), "1.234 ms");
        assert_eq!(Span(Duration::from_millis(20_000)).to_string(), "20 s");
        assert_eq!(Share(0.001).to_string(), "0.1 %");
    }
}
