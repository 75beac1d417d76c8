//! The report as text.

use std::fmt::{Display, Write};
use std::time::Duration;

use super::{Report, per_cent};
use crate::measure::Interaction;
use crate::quantity::{Share, Span};
use crate::verdict::Verdict;

/// Percentiles of this many answers or fewer say little beyond their 99th; the table marks them.
const FEW: u64 = 100;

impl Report<'_> {
    /// The whole report.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("\n");
        self.table(&mut text);
        for (label, facts) in [
            ("requests", self.requests()),
            ("statuses", self.statuses()),
            ("errors", self.errors()),
            ("cache", self.cache()),
            ("generator", self.generator()),
            ("verdict", self.verdict()),
        ] {
            let facts = facts.join(&format!("\n{:11}", ""));
            // Writing to a string cannot fail.
            writeln!(text, "{label:<11}{facts}").ok();
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn table(&self, text: &mut String) {
        let name_width =
            self.interactions.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max("interaction".len());
        let mut line = |name: &str, counts: [String; 3], response: [String; 5], service: [String; 2]| {
            let columns = |cells: &[String]| cells.iter().map(|cell| format!("{cell:>9}")).collect::<String>();
            let (counts, response, service) = (columns(&counts), columns(&response), columns(&service));
            writeln!(text, "{name:<name_width$}{counts}  |{response}  |{service}").ok();
        };
        let words = |words: [&str; 5]| words.map(str::to_owned);
        line(
            "",
            ["", "", ""].map(str::to_owned),
            words(["response", "ms", "", "", ""]),
            ["service", "ms"].map(str::to_owned),
        );
        line(
            "interaction",
            ["planned", "answered", "errors"].map(str::to_owned),
            words(["p50", "p90", "p99", "p99.9", "max"]),
            ["p50", "p99"].map(str::to_owned),
        );
        let total = ("total", &self.total);
        for (name, of) in self.interactions.iter().chain([&total]) {
            line(name, counts(of), response(of), [0.5, 0.99].map(|quantile| cell(of, of.service.at(quantile))));
        }
        if self.interactions.iter().any(|(_, of)| (1..=FEW).contains(&of.response.count())) {
            writeln!(text, "p99 and above of {FEW} answers or fewer is just the slowest of them").ok();
        }
        text.push('\n');
    }

    fn requests(&self) -> Vec<String> {
        let total = &self.total;
        let outcome = self.outcome;
        vec![
            format!(
                "planned {}, sent {} ({:.2} %), answered {}; {:.1} answers/s, {:.1} KiB of bodies/s",
                total.planned,
                total.sent,
                per_cent(total.sent, total.planned),
                total.answered,
                total.answered as f64 / outcome.effort.elapsed.as_secs_f64(),
                total.body_bytes as f64 / 1024.0 / outcome.effort.elapsed.as_secs_f64(),
            ),
            format!(
                "{} sessions in {}, {} of them completed{}",
                outcome.sessions_started,
                Span(outcome.effort.elapsed),
                outcome.sessions_completed,
                if outcome.interrupted { "; interrupted: this is not the whole run" } else { "" },
            ),
        ]
    }

    fn statuses(&self) -> Vec<String> {
        vec![listed(self.total.statuses.iter().map(|(status, count)| format!("{status}: {count}")), "no answer")]
    }

    /// Each reason of each interaction, with what was said the first time.
    fn errors(&self) -> Vec<String> {
        let lines = self.interactions.iter().flat_map(|(name, of)| {
            of.failures.iter().map(move |(failure, tally)| {
                let said = if tally.first.is_empty() { "" } else { " (the first: " };
                let end = if tally.first.is_empty() { "" } else { ")" };
                format!("{name}: {failure} {}{said}{}{end}", tally.count, tally.first)
            })
        });
        let lines: Vec<String> = lines.collect();
        if lines.is_empty() { vec!["none".to_owned()] } else { lines }
    }

    fn cache(&self) -> Vec<String> {
        let Interaction { cache_told, cache_hits, .. } = self.total;
        if cache_told == 0 {
            return vec!["no answer carried Cache-Status".to_owned()];
        }
        let share = per_cent(cache_hits, cache_told);
        vec![format!("{share:.1} % hits: {cache_hits} of {cache_told} answers that carried Cache-Status")]
    }

    fn generator(&self) -> Vec<String> {
        let late = &self.total.late;
        let outcome = self.outcome;
        let waited =
            outcome.effort.waited.map(|share| format!(", {:.1} % of the time waiting for one", share.0 * 100.0));
        vec![
            format!(
                "late p50 {} p99 {} max {} ms",
                milliseconds(late.at(0.5)),
                milliseconds(late.at(0.99)),
                milliseconds(late.max()),
            ),
            format!(
                "{:.1} % of its core{} (the worker thread, at {} priority)",
                outcome.effort.cpu.0 * 100.0,
                waited.unwrap_or_default(),
                if outcome.effort.realtime { "real-time" } else { "ordinary" },
            ),
            format!(
                "at most {} of {} requests under way; {} connections opened",
                outcome.in_flight_peak, outcome.in_flight_max, outcome.connections_opened,
            ),
        ]
    }

    fn verdict(&self) -> Vec<String> {
        let slo = self.scenario.slo;
        let summary = match self.verdict {
            Verdict::Met => format!(
                "met: errors {} <= {}, p99 response of every interaction <= {}",
                Share(per_cent(self.total.failed(), self.total.planned) / 100.0),
                slo.errors,
                slo.response_p99
            ),
            Verdict::Missed(_) => "missed".to_owned(),
            Verdict::Void(_) => "void: nothing is said about the target".to_owned(),
        };
        std::iter::once(summary).chain(self.verdict.reasons()).collect()
    }
}

fn counts(of: &Interaction) -> [String; 3] {
    [of.planned, of.answered, of.failed()].map(|count| count.to_string())
}

fn response(of: &Interaction) -> [String; 5] {
    let [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map(|quantile| of.response.at(quantile));
    [p50, p90, p99, p999, of.response.max()].map(|time| cell(of, time))
}

/// A time, or a dash when nothing was timed.
fn cell(of: &Interaction, time: Duration) -> String {
    if of.response.count() == 0 { "-".to_owned() } else { milliseconds(time) }
}

fn listed(items: impl Iterator<Item = impl Display>, otherwise: &str) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { otherwise.to_owned() } else { items.join(", ") }
}

/// Milliseconds with three digits that count.
pub(super) fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    let decimals = match ms {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    format!("{ms:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_keep_three_digits() {
        let write = |micros| milliseconds(Duration::from_micros(micros));
        assert_eq!([0, 7, 1_234, 9_994].map(write), ["0.00", "0.01", "1.23", "9.99"]);
        assert_eq!([9_996, 12_345, 99_960, 1_234_567].map(write), ["10.0", "12.3", "100", "1235"]);
    }
}
