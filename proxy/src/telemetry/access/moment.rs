//! A time as the log has it: RFC 3339 in UTC, with milliseconds.

use std::{
    cell::Cell,
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer};

/// `2026-11-03T08:00:00.000Z`.
const LENGTH: usize = 24;
/// As far as the calendar goes that is used here: almost to the end of the last year of four digits.
const SECONDS_MAX: u64 = 253_402_207_200;

/// A moment. Before 1970, it is the first one of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) SystemTime);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.text();
        serializer.serialize_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl Moment {
    /// The seconds are written once for all moments within them.
    fn text(self) -> [u8; LENGTH] {
        thread_local!(static LAST: Cell<(u64, [u8; LENGTH])> = const { Cell::new((u64::MAX, [0; LENGTH])) });
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let seconds = since.as_secs().min(SECONDS_MAX);
        let (last, mut text) = LAST.get();
        if last != seconds {
            text = whole_seconds(seconds);
            LAST.set((seconds, text));
        }
        let millis = since.subsec_millis();
        for (at, unit) in [(20, 100), (21, 10), (22, 1)] {
            text[at] = b'0' + (millis / unit % 10) as u8;
        }
        text
    }
}

fn whole_seconds(seconds: u64) -> [u8; LENGTH] {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let text = format!("{:.3}", time.unwrap_or_default());
    let mut bytes = *b"1970-01-01T00:00:00.000Z";
    if text.len() == LENGTH {
        bytes.copy_from_slice(text.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_calendar_says() {
        for (seconds, millis, expected) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (1_793_692_800, 7, "2026-11-03T08:00:00.007Z"),
            (1_793_692_800, 999, "2026-11-03T08:00:00.999Z"),
            (1_709_164_799, 50, "2024-02-28T23:59:59.050Z"),
            (1_709_164_800, 50, "2024-02-29T00:00:00.050Z"),
            (SECONDS_MAX, 0, "9999-12-30T22:00:00.000Z"),
        ] {
            let moment = Moment(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(millis));
            assert_eq!(str::from_utf8(&moment.text()).unwrap(), expected);
        }
    }
}
