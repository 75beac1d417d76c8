//! One line a second while a run goes on; on a terminal it writes over itself.

use std::io::Write;
use std::time::Duration;

use crate::driver::Pulse;
use crate::measure::Interval;

use super::table::milliseconds;

/// The line, and what it has to remember.
pub(crate) struct Progress {
    on_terminal: bool,
    seconds: u64,
    /// All intervals together.
    so_far: Interval,
}

impl Progress {
    /// A progress line on standard error.
    pub(crate) fn new(on_terminal: bool) -> Progress {
        Progress { on_terminal, seconds: 0, so_far: Interval::new() }
    }

    /// One more second has passed.
    pub(crate) fn show(&mut self, pulse: &Pulse) {
        self.seconds += 1;
        self.so_far.failed += pulse.interval.failed;
        self.so_far.response.add(&pulse.interval.response);
        let line = line(Duration::from_secs(self.seconds), pulse, &self.so_far);
        // ESC [ K clears what a longer line left behind.
        let (before, after) = if self.on_terminal { ("\r", "\x1b[K") } else { ("", "\n") };
        self.write(&format!("{before}{line}{after}"));
    }

    /// The run is over.
    pub(crate) fn finish(&self) {
        if self.on_terminal && self.seconds > 0 {
            self.write("\n");
        }
    }

    fn write(&self, text: &str) {
        // The run goes on when nobody can see its progress.
        std::io::stderr().write_all(text.as_bytes()).ok();
    }
}

fn line(at: Duration, pulse: &Pulse, so_far: &Interval) -> String {
    let Interval { planned, sent, answered, .. } = &pulse.interval;
    format!(
        "{:>4} s  due {planned}/s  sent {sent}/s  answered {answered}/s  p99 so far {} ms  errors {}  in flight {}",
        at.as_secs(),
        milliseconds(so_far.response.at(0.99)),
        so_far.failed,
        pulse.in_flight,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Lap, Measured};

    #[test]
    fn the_line_says_this_seconds_rates_and_everythings_p99() {
        let mut measured = Measured::new(1);
        let time = Duration::from_millis(12);
        for _ in 0..3 {
            measured.planned(0);
            measured.sent(0, Some(Duration::ZERO));
            measured.succeeded(0, Lap { service: time, response: time });
        }
        let pulse = Pulse { interval: measured.take_interval(), in_flight: 2 };
        let mut so_far = Interval::new();
        so_far.response.add(&pulse.interval.response);
        assert_eq!(
            line(Duration::from_secs(7), &pulse, &so_far),
            "   7 s  due 3/s  sent 3/s  answered 0/s  p99 so far 12.0 ms  errors 0  in flight 2"
        );
    }
}
