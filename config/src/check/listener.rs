//! Checks listeners: addresses, redirects, certificates.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::{
    HOUR,
    bound::{count, whole_seconds, within},
    names::check_names,
    tls,
};
use crate::{
    model::{Admin, ByteRate, ByteSize, Connections, Http2, Listener, ListenerId, ProxyProtocol, Secret},
    problem::{At, Code, Report, suggest},
    schema::{
        self,
        read::{Named, OneOrMany, Tried, Written},
    },
    source::Sources,
};

const LISTENERS_MAX: usize = 256;
const BINDS_MAX: usize = 16;
const ADMIN_BIND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9901);
const MAX_HEADER: ByteSize = ByteSize(32 << 10);
const MAX_HEADERS: u16 = 100;
/// As many as Pingora reads (0.9.1, `MAX_HEADERS`).
const MAX_HEADERS_MAX: u16 = 256;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE_REQUESTS: u32 = 1000;
const MIN_RATE: ByteRate = ByteRate(500);
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECTIONS_MAX: u32 = 20_000;
const CONNECTIONS_PER_ADDRESS: u32 = 256;
const STREAMS: u32 = 100;

type Listeners = Named<Tried<schema::Listener>>;

/// The operators' listener and its token.
pub(crate) fn admin(written: &schema::Admin, sources: &Sources, report: &mut Report) -> (Admin, Option<Secret>) {
    if let (Some(Written { value: bind, at }), None) = (&written.bind, &written.token)
        && !bind.ip().to_canonical().is_loopback()
    {
        let hint = "write `token: \"file:PATH\"` or `token: \"env:NAME\"` beside it, or bind it to `127.0.0.1`";
        report.refuse_with_hint(Code::OpenAdmin, at, format!("`{bind}` is not loopback, and there is no token"), hint);
    }
    let token = written.token.as_ref().map(|Written { value, at }| match value {
        Secret::File(path) => Secret::File(sources.resolve(path, at)),
        Secret::Env(name) => Secret::Env(name.clone()),
    });
    (Admin { bind: written.bind.as_ref().map_or(ADMIN_BIND, |bind| bind.value) }, token)
}

pub(super) fn check(written: Listeners, sources: &Sources, report: &mut Report) -> Option<Vec<Listener>> {
    count(written.entries.len(), "listener", 1..=LISTENERS_MAX, &written.at, report);
    check_names("listener", written.entries.iter().map(|(name, _)| name), report);
    let redirects: Vec<_> = written.entries.iter().map(|entry| redirect(entry, &written, report)).collect();
    let checked: Vec<_> = written
        .entries
        .into_iter()
        .zip(redirects)
        .map(|((name, listener), redirect)| Some(check_one(name.value, listener.0?, redirect, sources, report)))
        .collect();
    // Collected first, so that each has been checked.
    checked.into_iter().collect()
}

fn check_one(
    name: String,
    written: schema::Listener,
    redirect_to: Option<ListenerId>,
    sources: &Sources,
    report: &mut Report,
) -> Listener {
    let OneOrMany(bind) = written.bind.value;
    count(bind.len(), "address", 1..=BINDS_MAX, &written.bind.at, report);
    let bind: Vec<_> = bind.into_iter().map(|address| address.value).collect();
    let public_port = match &written.public_port {
        Some(_) => within(written.public_port.as_ref(), 0, 1..=u16::MAX, report),
        None => bind.first().map_or(0, SocketAddr::port),
    };
    let max_header = within(written.max_header.as_ref(), MAX_HEADER, ByteSize(1 << 10)..=ByteSize(256 << 10), report);
    let idle_timeout = within(written.idle_timeout.as_ref(), IDLE_TIMEOUT, Duration::from_secs(1)..=HOUR, report);
    whole_seconds(written.idle_timeout.as_ref(), report);
    let tls = written.tls.map(|tls| tls::check(tls, sources, report));
    let h2c = written.h2c.as_ref().is_some_and(|h2c| h2c.value);
    if let (Some(Written { at, .. }), true, true) = (&written.h2c, h2c, tls.is_some()) {
        let message = "HTTP/2 without TLS, and this listener speaks TLS".to_owned();
        let hint = "leave `h2c` out: over TLS, `tls.protocols` offers HTTP/2";
        report.refuse_with_hint(Code::WithoutEffect, at, message, hint);
    }
    let connections = connections(&written.connections.unwrap_or_default(), report);
    let http2 = written.http2.unwrap_or_default();
    let http2 = Http2 { streams: within(http2.streams.as_ref(), STREAMS, 1..=10_000, report) };
    let header_timeout = Duration::from_millis(100)..=Duration::from_secs(60);
    Listener {
        name,
        bind,
        redirect_to,
        public_port,
        tls,
        h2c,
        proxy_protocol: written.proxy_protocol.map_or(ProxyProtocol::Off, |written| written.value),
        max_header,
        max_headers: within(written.max_headers.as_ref(), MAX_HEADERS, 1..=MAX_HEADERS_MAX, report),
        header_timeout: within(written.header_timeout.as_ref(), HEADER_TIMEOUT, header_timeout, report),
        idle_timeout,
        keepalive_requests: within(written.keepalive_requests.as_ref(), KEEPALIVE_REQUESTS, 1..=1_000_000, report),
        min_rate: within(written.min_rate.as_ref(), MIN_RATE, ByteRate(0)..=ByteRate(1 << 20), report),
        connections,
        http2,
    }
}

fn connections(written: &schema::Connections, report: &mut Report) -> Connections {
    let max = within(written.max.as_ref(), CONNECTIONS_MAX, 1..=10_000_000, report);
    // A client cannot have more than there are.
    let default = CONNECTIONS_PER_ADDRESS.min(max);
    Connections { max, per_address: within(written.per_address.as_ref(), default, 1..=max.max(1), report) }
}

/// Where a listener redirects to. A request must arrive after one redirect, and over TLS.
fn redirect(
    (name, listener): &(Written<String>, Tried<schema::Listener>),
    all: &Listeners,
    report: &mut Report,
) -> Option<ListenerId> {
    let to = listener.0.as_ref()?.redirect_to.as_ref()?;
    let Some(position) = all.entries.iter().position(|(name, _)| name.value == to.value) else {
        let hint = suggest::hint(&to.value, all.entries.iter().map(|(name, _)| name.value.as_str()));
        report.refuse_with_hint(
            Code::UnknownName,
            &to.at,
            format!("unknown listener `{}`", to.value),
            hint.unwrap_or_default(),
        );
        return None;
    };
    if to.value == name.value {
        report.refuse_with_hint(
            Code::WrongRedirect,
            &to.at,
            format!("`{}` redirects to itself", to.value),
            "name the TLS listener",
        );
    } else if let Some(target) = &all.entries[position].1.0 {
        if target.redirect_to.is_some() {
            let message = format!("`{}` redirects on to another listener", to.value);
            report.refuse_with_hint(Code::WrongRedirect, &to.at, message, "name the listener that answers");
        } else if target.tls.is_none() {
            let message = format!("`{}` does not speak TLS", to.value);
            report.refuse_with_hint(
                Code::WrongRedirect,
                &to.at,
                message,
                "a redirect leads to https: give that listener `tls`",
            );
        }
    }
    u16::try_from(position).ok().map(ListenerId)
}

/// Reports listeners that would take the word of whoever connects; called where no proxy is trusted.
pub(super) fn refuse_proxy_protocol(listeners: &Listeners, report: &mut Report) {
    let read = listeners.entries.iter().take(LISTENERS_MAX).filter_map(|(_, listener)| listener.0.as_ref());
    for Written { value, at } in read.filter_map(|listener| listener.proxy_protocol.as_ref()) {
        if *value != ProxyProtocol::Off {
            let message = "there are no `trusted_proxies`, so every connection would be closed".to_owned();
            let hint = "name the networks of the proxies before the edge: `trusted_proxies: [\"10.0.0.0/8\"]`";
            report.refuse_with_hint(Code::NobodyTrusted, at, message, hint);
        }
    }
}

/// Reports addresses that two listeners, the admin listener among them, would both bind.
pub(super) fn refuse_shared_addresses(listeners: &Listeners, admin: Option<&schema::Admin>, report: &mut Report) {
    let mut taken: Vec<(SocketAddr, Option<&At>)> = Vec::new();
    if let Some(admin) = admin {
        taken.push(admin.bind.as_ref().map_or((ADMIN_BIND, None), |bind| (bind.value, Some(&bind.at))));
    }
    let read = listeners.entries.iter().take(LISTENERS_MAX).filter_map(|(_, listener)| listener.0.as_ref());
    for Written { value: address, at } in read.flat_map(|listener| listener.bind.value.0.iter().take(BINDS_MAX)) {
        if let Some((other, other_at)) = taken.iter().find(|(other, _)| collide(*address, *other)) {
            let hint = match other_at {
                Some(other_at) => format!("`{other}` stands at {}", report.whereabouts(other_at, at)),
                None => format!("the admin listener takes `{other}`; `admin: {{bind: ...}}` moves it"),
            };
            report.refuse_with_hint(Code::AddressTaken, at, format!("the address `{address}` is already taken"), hint);
        }
        taken.push((*address, Some(at)));
    }
}

/// Whether binding one keeps the other from being bound. Port 0 is a free one each time.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    let same_family = a.is_ipv4() == b.is_ipv4();
    let overlapping = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && same_family && overlapping
}
