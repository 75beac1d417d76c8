//! The rim: the only file that reads a clock. Everything below it is handed the time.

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

/// A moment in milliseconds since 1970-01-01 UTC: what is stored, compared and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(i64);

/// The time of day, for whatever is stored or shown.
#[expect(clippy::disallowed_methods, reason = "the rim: the shop's one wall clock")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// A point on the monotonic clock, for measuring how long something took.
#[expect(clippy::disallowed_methods, reason = "the rim: the shop's one stopwatch")]
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}

impl Timestamp {
    #[cfg(test)]
    pub(crate) const fn from_ms(ms: i64) -> Timestamp {
        Timestamp(ms)
    }

    pub(crate) const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub(crate) fn plus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    pub(crate) fn minus(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// For people, such as `11 Nov 2026, 20:00 UTC`.
    pub(crate) fn in_words(self) -> String {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.strftime("%-d %b %Y, %H:%M UTC").to_string(),
            Err(_) => self.to_string(),
        }
    }
}

/// RFC 3339; a moment out of its range is shown as its milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(out, "{at}"),
            Err(_) => write!(out, "{} ms", self.0),
        }
    }
}

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Timestamp> {
        i64::column_result(value).map(Timestamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_date_and_survives_its_limits() {
        let at = Timestamp::from_ms(1_794_340_800_000);
        assert_eq!(at.to_string(), "2026-11-10T20:00:00Z");
        assert_eq!(at.in_words(), "10 Nov 2026, 20:00 UTC");
        assert_eq!(Timestamp(i64::MAX).plus(Duration::from_secs(1)), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MAX).to_string(), format!("{} ms", i64::MAX));
    }
}
