//! The report for programs. Times are milliseconds; shares are parts of one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{MODEL, Report};
use crate::measure::{Interaction, Times};

/// The file's content.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    version: &'static str,
    scenario: &'a str,
    target: &'a str,
    model: &'static str,
    http: &'static str,
    connections_max: usize,
    arrival: &'static str,
    rate_per_s: f64,
    duration_s: f64,
    seed: u64,
    elapsed_s: f64,
    interrupted: bool,
    verdict: &'static str,
    reasons: Vec<String>,
    slo: Objectives,
    generator: Generator,
    sessions: Sessions,
    total: Figures,
    interactions: BTreeMap<&'a str, Figures>,
}

#[derive(Debug, Serialize)]
struct Objectives {
    errors_share_max: f64,
    response_p99_ms_max: f64,
}

#[derive(Debug, Serialize)]
struct Generator {
    /// Of one core: processor time of the worker thread over `elapsed_s`.
    cpu_share: f64,
    /// Time in which the thread was ready to run but had no core, over `elapsed_s`.
    waited_share: Option<f64>,
    /// Whether the thread ran ahead of ordinary programs.
    realtime: bool,
    in_flight_peak: usize,
    in_flight_max: usize,
    connections_opened: u64,
}

#[derive(Debug, Serialize)]
struct Sessions {
    started: u64,
    completed: u64,
}

#[derive(Debug, Serialize)]
struct Figures {
    planned: u64,
    sent: u64,
    answered: u64,
    failed: u64,
    failures: BTreeMap<String, u64>,
    statuses: BTreeMap<u16, u64>,
    cache_told: u64,
    cache_hits: u64,
    body_bytes: u64,
    late_ms: Percentiles,
    service_ms: Percentiles,
    response_ms: Percentiles,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    count: u64,
    p50: f64,
    p90: f64,
    p95: f64,
    p99: f64,
    #[serde(rename = "p99.9")]
    p999: f64,
    max: f64,
}

impl Report<'_> {
    /// The whole report.
    pub(crate) fn json(&self) -> Document<'_> {
        let Report { setting, outcome, scenario, .. } = self;
        Document {
            version: env!("CARGO_PKG_VERSION"),
            scenario: &scenario.name,
            target: &setting.target,
            model: MODEL,
            http: setting.protocol.name(),
            connections_max: setting.connections,
            arrival: setting.arrival.name(),
            rate_per_s: setting.rate,
            duration_s: setting.duration.as_secs_f64(),
            seed: setting.seed,
            elapsed_s: outcome.effort.elapsed.as_secs_f64(),
            interrupted: outcome.interrupted,
            verdict: self.verdict.name(),
            reasons: self.verdict.reasons(),
            slo: Objectives {
                errors_share_max: scenario.slo.errors.0,
                response_p99_ms_max: scenario.slo.response_p99.0.as_secs_f64() * 1e3,
            },
            generator: Generator {
                cpu_share: outcome.effort.cpu.0,
                waited_share: outcome.effort.waited.map(|share| share.0),
                realtime: outcome.effort.realtime,
                in_flight_peak: outcome.in_flight_peak,
                in_flight_max: outcome.in_flight_max,
                connections_opened: outcome.connections_opened,
            },
            sessions: Sessions { started: outcome.sessions_started, completed: outcome.sessions_completed },
            total: Figures::of(&self.total),
            interactions: self.interactions.iter().map(|(name, of)| (*name, Figures::of(of))).collect(),
        }
    }
}

impl Figures {
    fn of(interaction: &Interaction) -> Figures {
        Figures {
            planned: interaction.planned,
            sent: interaction.sent,
            answered: interaction.answered,
            failed: interaction.failed(),
            failures: interaction.failures.iter().map(|(why, tally)| (why.to_string(), tally.count)).collect(),
            statuses: interaction.statuses.clone(),
            cache_told: interaction.cache_told,
            cache_hits: interaction.cache_hits,
            body_bytes: interaction.body_bytes,
            late_ms: Percentiles::of(&interaction.late),
            service_ms: Percentiles::of(&interaction.service),
            response_ms: Percentiles::of(&interaction.response),
        }
    }
}

impl Percentiles {
    fn of(times: &Times) -> Percentiles {
        let at = |quantile| times.at(quantile).as_secs_f64() * 1e3;
        Percentiles {
            count: times.count(),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: times.max().as_secs_f64() * 1e3,
        }
    }
}
