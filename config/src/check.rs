//! Refuses what is well written and yet cannot work, and resolves the rest into the model.
//!
//! Every check goes on after a problem. What could not be read is skipped: it has been reported, and nothing that only
//! follows from it shall be. A value out of range is reported and used all the same; the result is thrown away.

use std::{num::NonZero, time::Duration};

mod bound;
mod unique;
mod names;
mod listener;
mod tls;
mod endpoints;
mod balance;
mod failure;
mod pool;
mod zone;
mod condition;
mod template;
mod header_rules;
mod split;
mod cache;
mod action;
mod route;
mod conflict;
mod reach;

use crate::{
    model::{AccessLog, Admin, Boot, Config, ForwardingFields, IpNet, Live, LogTarget, Percent, Trace, TraceFrom},
    problem::{Code, Report},
    schema::{self, Workers, read::Written},
    source::Sources,
};
use bound::{percent, within};
pub(crate) use endpoints::of_file as endpoints_of_file;
pub(crate) use listener::admin;
use names::Names;
pub use names::is_name;
use unique::refuse_repeated;

/// Ids are `u16`.
const NAMED_MAX: usize = 1 << 16;
const CLASSES_MAX: usize = 64;
const WORKERS_MAX: u32 = 1024;
const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Checks a whole file; relative paths in it start from where `sources` has them. `None`: `report` says why.
pub(crate) fn check(written: schema::Config, sources: &Sources, report: &mut Report) -> Option<Config> {
    let process = written.process.0.as_ref().map(|process| check_process(process, report));
    let admin = written.admin.0.as_ref().map(|admin| listener::admin(admin, sources, report));
    let trusting = written.trusted_proxies.0.as_ref().is_some_and(|networks| !networks.is_empty());
    let listeners = written.listeners.0.and_then(|listeners| {
        listener::refuse_shared_addresses(&listeners, written.admin.0.as_ref(), report);
        if !trusting {
            listener::refuse_proxy_protocol(&listeners, report);
        }
        listener::check(listeners, sources, report)
    });
    let trusted_proxies = written.trusted_proxies.0.map(|networks| check_trusted(networks, report));

    let mut names = route::References {
        pools: Names::of_mapping("pool", written.pools.0.as_ref(), 0..=NAMED_MAX, report),
        classes: Names::of_list("class", written.classes.0.as_ref(), 0..=CLASSES_MAX, report),
        zones: Names::of_mapping("zone", written.zones.0.as_ref(), 0..=NAMED_MAX, report),
        max_objects: Vec::new(),
    };
    if let (Some(process), Some(pools)) = (&written.process.0, &written.pools.0) {
        zone::check(process.zone.as_ref(), pools, report);
    }
    if let Some(pools) = &written.pools.0 {
        balance::refuse_shared_cookies(pools, written.routes.0.as_ref(), report);
    }
    let zone = written.process.0.as_ref().and_then(|process| process.zone.as_ref()).map(|zone| zone.value.clone());
    let pools = written.pools.0.and_then(|pools| pool::check(pools, &names.classes, sources, report));
    let zones = written.zones.0.and_then(|zones| cache::zones(zones, sources, report));
    names.max_objects = zones.iter().flatten().map(|zone| zone.max_object).collect();
    if let (Some(routes), Some(listeners)) = (&written.routes.0, &listeners) {
        reach::refuse_unserved_hosts(routes, listeners, report);
        reach::refuse_unproven_clients(routes, listeners, report);
    }
    let routes = written.routes.0.and_then(|routes| route::check(routes, &mut names, sources, report));
    let telemetry = written.telemetry.0.map(|telemetry| check_telemetry(telemetry, sources));

    let (admin, admin_token) = admin?;
    let (access_log, trace) = telemetry?;
    Some(Config {
        boot: boot(process?, admin),
        live: Live {
            listeners: listeners?,
            admin_token,
            trusted_proxies: trusted_proxies?,
            forwarding_fields: written.forwarding_fields.unwrap_or(ForwardingFields::XForwarded),
            classes: names.classes.into_texts(),
            zone,
            pools: pools?,
            zones: zones?,
            routes: routes?,
            access_log,
            trace,
        },
    })
}

/// The process itself, checked.
struct Process {
    workers: usize,
    drain_delay: Duration,
    drain_timeout: Duration,
    watch: bool,
}

fn boot(process: Process, admin: Admin) -> Boot {
    let Process { workers, drain_delay, drain_timeout, watch } = process;
    Boot { admin, workers, drain_delay, drain_timeout, watch }
}

fn check_process(written: &schema::Process, report: &mut Report) -> Process {
    let workers = match &written.workers {
        None | Some(Workers::Auto) => std::thread::available_parallelism().map_or(1, NonZero::get),
        Some(Workers::Fixed(number)) => {
            usize::try_from(within(Some(number), 1, 1..=WORKERS_MAX, report)).unwrap_or(usize::MAX)
        }
    };
    let mut time = |written: &Option<_>, default| within(written.as_ref(), default, Duration::ZERO..=HOUR, report);
    Process {
        workers,
        drain_delay: time(&written.drain_delay, Duration::ZERO),
        drain_timeout: time(&written.drain_timeout, Duration::from_secs(30)),
        watch: written.watch.unwrap_or(false),
    }
}

fn check_trusted(networks: Vec<Written<IpNet>>, report: &mut Report) -> Vec<IpNet> {
    refuse_repeated(
        Code::RepeatedValue,
        "network",
        networks.iter().map(|network| (network.value, &network.at)),
        report,
    );
    for network in networks.iter().filter(|network| network.value.prefix_len() == 0) {
        let message = format!("`{}` is every address", network.value);
        let hint = "every client could claim any address: name the networks of the proxies before the edge";
        report.refuse_with_hint(Code::TrustsEveryone, &network.at, message, hint);
    }
    networks.into_iter().map(|network| network.value).collect()
}

fn check_telemetry(written: schema::Telemetry, sources: &Sources) -> (AccessLog, Trace) {
    let schema::AccessLog { to, sample } = written.access_log.unwrap_or_default();
    let to = match to {
        None => LogTarget::Stdout,
        Some(Written { value: LogTarget::File(path), at }) => LogTarget::File(sources.resolve(&path, &at)),
        Some(Written { value: target, .. }) => target,
    };
    let schema::Trace { from, sample: traces } = written.trace.unwrap_or_default();
    let trace = Trace { from: from.unwrap_or(TraceFrom::TrustedProxies), sample: traces.unwrap_or(percent(1)) };
    (AccessLog { to, sample: sample.unwrap_or(Percent::ALL) }, trace)
}
