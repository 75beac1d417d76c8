//! The only place that reads a clock: decisions take `now` as an argument.

use std::{
    sync::LazyLock,
    time::{Instant, SystemTime},
};

/// Monotonic time.
#[expect(clippy::disallowed_methods, reason = "this is the rim where the clock is read")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Wall-clock time, for dates in headers, logs and certificates.
#[expect(clippy::disallowed_methods, reason = "this is the rim where the clock is read")]
pub(crate) fn wall() -> SystemTime {
    SystemTime::now()
}

/// Monotonic nanoseconds since the process first asked, for counters that are kept in one machine word.
pub(crate) fn nanos() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(instant);
    u64::try_from(instant().duration_since(*START).as_nanos()).unwrap_or(u64::MAX)
}
