//! Did the target keep to its objectives, and was the generator good enough to say so?

use std::fmt;
use std::time::Duration;

use crate::measure::{Failure, Interaction};
use crate::quantity::{Share, Span};
use crate::scenario::Slo;

/// What a run proves.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    /// Every objective was met.
    Met,
    /// These were not.
    Missed(Vec<Miss>),
    /// Nothing: the run was no proper one, or the generator was the limit.
    Void(Vec<Limit>),
}

/// An objective that was not met.
#[derive(Debug, PartialEq)]
pub(crate) enum Miss {
    /// Too many requests failed.
    Errors { failed: u64, planned: u64, allowed: Share },
    /// An interaction was too slow.
    ResponseP99 { interaction: String, p99: Duration, allowed: Span },
    /// An interaction was never answered rightly, which leaves nothing to time.
    Unanswered { interaction: String, planned: u64 },
}

/// What keeps a run from saying anything about its target.
#[derive(Debug, PartialEq)]
pub(crate) enum Limit {
    /// No request was due, so nothing was tried.
    Empty,
    /// It was ended early. What was to come, a peak perhaps, was not tried.
    Interrupted,
    /// Requests left later than the run's own precision allows.
    Late { p99: Duration, allowed: Duration },
    /// Requests that were due did not leave at all, some of them because the scenario made no valid one.
    Unsent { sent: u64, planned: u64, invalid: u64 },
    /// The generator had too little of its core left to be punctual.
    Cpu { used: Share },
}

/// p99 of lateness may be this long at any response time.
const LATE_FLOOR: Duration = Duration::from_millis(1);
/// Or this share of p99 of the response time.
const LATE_SHARE: f64 = 0.05;
/// At least this share of what was planned must have been sent.
const SENT_SHARE_MIN: f64 = 0.995;
/// The generator may use this much of its core. Above, queueing in the generator itself would show in the figures.
const CPU_MAX: Share = Share(0.60);

/// How a run went on the generator's side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conduct {
    pub(crate) interrupted: bool,
    /// The generator's share of its core.
    pub(crate) cpu: Share,
}

/// Judges a run by its interactions (with their names), their total, and how it went.
pub(crate) fn judge(slo: Slo, interactions: &[(&str, &Interaction)], total: &Interaction, conduct: Conduct) -> Verdict {
    let limits = limits(total, conduct);
    if !limits.is_empty() {
        return Verdict::Void(limits);
    }
    let misses = misses(slo, interactions, total);
    if misses.is_empty() { Verdict::Met } else { Verdict::Missed(misses) }
}

fn limits(total: &Interaction, Conduct { interrupted, cpu }: Conduct) -> Vec<Limit> {
    let mut limits = Vec::new();
    if interrupted {
        limits.push(Limit::Interrupted);
    }
    if total.planned == 0 {
        limits.push(Limit::Empty);
    }
    let p99 = total.late.at(0.99);
    let allowed = LATE_FLOOR.max(total.response.at(0.99).mul_f64(LATE_SHARE));
    if p99 > allowed {
        limits.push(Limit::Late { p99, allowed });
    }
    if (total.sent as f64) < total.planned as f64 * SENT_SHARE_MIN {
        let invalid = total.failures.get(&Failure::Request).map_or(0, |tally| tally.count);
        limits.push(Limit::Unsent { sent: total.sent, planned: total.planned, invalid });
    }
    if cpu > CPU_MAX {
        limits.push(Limit::Cpu { used: cpu });
    }
    limits
}

fn misses(slo: Slo, interactions: &[(&str, &Interaction)], total: &Interaction) -> Vec<Miss> {
    let mut misses = Vec::new();
    let (failed, planned) = (total.failed(), total.planned);
    if failed as f64 > planned as f64 * slo.errors.0 {
        misses.push(Miss::Errors { failed, planned, allowed: slo.errors });
    }
    for (name, of) in interactions {
        let p99 = of.response.at(0.99);
        if of.planned > 0 && of.response.count() == 0 {
            misses.push(Miss::Unanswered { interaction: (*name).to_owned(), planned: of.planned });
        } else if p99 > slo.response_p99.0 {
            misses.push(Miss::ResponseP99 { interaction: (*name).to_owned(), p99, allowed: slo.response_p99 });
        }
    }
    misses
}

impl Verdict {
    /// The word for it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Verdict::Met => "met",
            Verdict::Missed(_) => "missed",
            Verdict::Void(_) => "void",
        }
    }

    /// What the program exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Verdict::Met => 0,
            Verdict::Missed(_) => 1,
            Verdict::Void(_) => 2,
        }
    }

    /// Why, one sentence each.
    pub(crate) fn reasons(&self) -> Vec<String> {
        match self {
            Verdict::Met => Vec::new(),
            Verdict::Missed(misses) => misses.iter().map(Miss::to_string).collect(),
            Verdict::Void(limits) => limits.iter().map(Limit::to_string).collect(),
        }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Miss::Errors { failed, planned, allowed } => {
                let share = Share(*failed as f64 / *planned as f64);
                write!(f, "{failed} of {planned} requests failed: {share} > {allowed}")
            }
            Miss::ResponseP99 { interaction, p99, allowed } => {
                write!(f, "{interaction}: p99 response {} > {allowed}", Span(*p99))
            }
            Miss::Unanswered { interaction, planned } => {
                write!(f, "{interaction}: none of {planned} requests was answered as expected")
            }
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Empty => f.write_str("no request was due; hint: a longer --duration, or a higher --rate"),
            Limit::Interrupted => f.write_str("the run was interrupted; hint: let it go on to its end"),
            Limit::Late { p99, allowed } => {
                write!(f, "requests left late: p99 {} > {}", Span(*p99), Span(*allowed))?;
                f.write_str("; hint: a quieter machine, a lower --rate, or root, who is given real-time priority")
            }
            Limit::Unsent { sent, planned, invalid } => {
                write!(f, "only {sent} of {planned} requests left")?;
                if *invalid > 0 {
                    write!(f, ": {invalid} were not valid; hint: the scenario, and the values it found")?;
                }
                match planned.saturating_sub(sent + invalid) {
                    0 => Ok(()),
                    crowded => {
                        write!(f, ": {crowded} came while too many were under way")?;
                        f.write_str("; hint: more --connections, or a lower --rate")
                    }
                }
            }
            Limit::Cpu { used } => {
                write!(f, "the generator used {used} of its core > {CPU_MAX}; hint: a lower --rate")
            }
        }
    }
}

#[cfg(test)]
mod tests;
