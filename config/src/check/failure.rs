//! Checks what happens when endpoints fail: checks, ejection, and what is tried once more.

use std::time::Duration;

use super::{
    DAY, HOUR, MILLISECOND,
    bound::{count, percent, within},
    unique::refuse_repeated,
};
use crate::{
    model::{Balance, Ejection, HealthCheck, Percent, Probe, Retry, SuccessRate},
    problem::{At, Code, Report},
    schema::{self, Comparison, OrOff, RetryOn, pattern, read::Written},
};

pub(super) fn health(Written { value: written, at }: Written<schema::Health>, report: &mut Report) -> HealthCheck {
    let least = Duration::from_millis(10);
    let interval = within(written.interval.as_ref(), Duration::from_secs(2), least..=HOUR, report);
    let default = Duration::from_millis(500).min(interval);
    let timeout = within(written.timeout.as_ref(), default, MILLISECOND..=interval.max(MILLISECOND), report);
    HealthCheck {
        interval,
        jitter: within(written.jitter.as_ref(), percent(10), percent(0)..=percent(50), report),
        timeout,
        down_after: within(written.down_after.as_ref(), 3, 1..=100, report),
        up_after: within(written.up_after.as_ref(), 2, 1..=100, report),
        probe: probe(written, &at, report),
    }
}

/// What is asked: just one of `http` and `tcp`.
fn probe(written: schema::Health, at: &At, report: &mut Report) -> Probe {
    if let Some(Written { value: false, at }) = &written.tcp {
        report.refuse_with_hint(Code::WithoutEffect, at, "`tcp: false` checks nothing", "leave it out");
    }
    match (written.http, written.tcp) {
        (Some(path), None) => http(path, written.host, report),
        (Some(_), Some(tcp)) => {
            let message = "a check is by `http` or by `tcp`, and this one has both";
            report.refuse_with_hint(Code::OneOfSeveral, &tcp.at, message, "`http` sees more: remove `tcp`");
            Probe::Tcp
        }
        (None, None) => {
            let hint = "write `http: /healthz`, or `tcp: true` where there is no such path";
            report.refuse_with_hint(Code::OneOfSeveral, at, "it is not said what is checked", hint);
            Probe::Tcp
        }
        (None, Some(_)) => {
            if let Some(Written { at, .. }) = written.host {
                let hint = "remove it, or write `http` in place of `tcp`";
                report.refuse_with_hint(Code::WithoutEffect, &at, "no host is asked for by `tcp`", hint);
            }
            Probe::Tcp
        }
    }
}

fn http(Written { value: path, at }: Written<String>, host: Option<Written<String>>, report: &mut Report) -> Probe {
    if !path.starts_with('/') || !path.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        let hint = "a path as it is sent, starting with `/` and without spaces, such as `/healthz`";
        report.refuse_with_hint(Code::WrongPath, &at, format!("`{path}` cannot be asked for"), hint);
    }
    if let Some(Written { value, at }) = host.as_ref().filter(|host| !pattern::is_authority(&host.value)) {
        let hint = "a name and perhaps a port, such as `shop.internal:8080`";
        report.refuse_with_hint(Code::WrongHost, at, format!("`{value}` is no host"), hint);
    }
    Probe::Http { path, host: host.map(|host| host.value.to_ascii_lowercase()) }
}

/// `None`: nothing is ever ejected.
pub(super) fn ejection(
    written: Option<OrOff<schema::Ejection>>,
    balance: &Balance,
    report: &mut Report,
) -> Option<Ejection> {
    let written = match written {
        Some(OrOff::Off) => return None,
        Some(OrOff::On(written)) => written,
        None => schema::Ejection::default(),
    };
    let base = within(written.r#for.as_ref(), Duration::from_secs(10), Duration::from_millis(10)..=HOUR, report);
    let longest = Duration::from_secs(300).max(base);
    Some(Ejection {
        consecutive_errors: within(written.consecutive_errors.as_ref(), 5, 1..=1000, report),
        success_rate: success_rate(written.success_rate, balance, report),
        base,
        longest: within(written.longest.as_ref(), longest, base..=DAY.max(base), report),
        at_most: within(written.at_most.as_ref(), percent(50), percent(1)..=Percent::ALL, report),
    })
}

/// By hashing, one endpoint alone may get all requests for a bad page, so that it would be blamed for the page.
fn success_rate(written: Option<OrOff<Comparison>>, balance: &Balance, report: &mut Report) -> Option<SuccessRate> {
    let written = match written {
        Some(OrOff::Off) => return None,
        Some(OrOff::On(written)) => written,
        None if matches!(balance, Balance::Hash(_)) => return None,
        None => Comparison::default(),
    };
    let windows = Duration::from_millis(100)..=HOUR;
    Some(SuccessRate {
        below: within(written.below.as_ref(), percent(20), percent(1)..=Percent::ALL, report),
        requests: within(written.requests.as_ref(), 100, 1..=1_000_000, report),
        window: within(written.window.as_ref(), Duration::from_secs(10), windows, report),
    })
}

pub(super) fn retry(written: Option<schema::Retry>, report: &mut Report) -> Retry {
    let schema::Retry { tries, on, budget } = written.unwrap_or_default();
    let on = match on {
        None => vec![RetryOn::Connect, RetryOn::Broken, RetryOn::Status(502)],
        Some(written) => check_on(&written, report),
    };
    let statuses = on.iter().filter_map(|on| if let RetryOn::Status(status) = on { Some(*status) } else { None });
    Retry {
        tries: within(tries.as_ref(), 2, 1..=5, report),
        on_connect: on.contains(&RetryOn::Connect),
        on_broken: on.contains(&RetryOn::Broken),
        on_timeout: on.contains(&RetryOn::Timeout),
        on_status: statuses.collect(),
        budget: within(budget.as_ref(), percent(10), percent(1)..=Percent::ALL, report),
    }
}

fn check_on(written: &Written<Vec<Written<RetryOn>>>, report: &mut Report) -> Vec<RetryOn> {
    if written.value.is_empty() {
        let hint = "write `tries: 1` to send nothing again, or leave `on` out";
        report.refuse_with_hint(Code::WrongCount, &written.at, "at least one reason is needed", hint);
    }
    count(written.value.len(), "reason", 0..=16, &written.at, report);
    refuse_repeated(Code::RepeatedValue, "reason", written.value.iter().map(|on| (on.value, &on.at)), report);
    for Written { value, at } in &written.value {
        if let RetryOn::Status(status) = value
            && let Some(reason) = never_again(*status)
        {
            let hint = "statuses that another server may do better: 500, 502, 504";
            report.refuse_with_hint(Code::OutOfRange, at, format!("{status} is never tried again: {reason}"), hint);
        }
    }
    written.value.iter().map(|on| on.value).collect()
}

/// Why a request with this answer is not sent again; `None` where it may be.
fn never_again(status: u16) -> Option<&'static str> {
    match status {
        503 | 429 => Some("it refuses for overload, and every further try would add to that"),
        501 | 505 => Some("another server would not know it either"),
        500..=599 => None,
        _ => Some("it is no fault of the server"),
    }
}
