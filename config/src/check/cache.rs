//! Checks zones of the cache, and how routes keep answers in them.

use std::time::Duration;

use super::{
    DAY, HOUR,
    bound::{count, within},
    names::Names,
    route::YEAR,
    template::{self, Kind},
    unique::refuse_repeated,
};
use crate::{
    model::{
        ByteSize, CachePolicy, ClientDirective, Coding, KeyParts, Negative, Overrides, PathPattern, QueryKey, TagRules,
        VaryRules, Zone, ZoneDisk, ZoneId,
    },
    problem::{Code, Report},
    schema::{
        self,
        action::is_token,
        read::{Named, Tried, Written},
    },
    source::Sources,
};

const MAX_OBJECT: ByteSize = ByteSize(8 << 20);
const TIB: u64 = 1 << 40;
const DISK: std::ops::RangeInclusive<ByteSize> = ByteSize(16 << 20)..=ByteSize(64 * TIB);
/// A disk is given back in parts, each of which can hold the largest object.
const OBJECTS_ON_DISK_MIN: u64 = 4;
const PARAMETERS_MAX: usize = 1000;
const SECOND: Duration = Duration::from_secs(1);
/// Parts of a key, languages, fields or tags of one route.
const LIST_MAX: usize = 32;

pub(super) fn zones(written: Named<Tried<schema::Zone>>, sources: &Sources, report: &mut Report) -> Option<Vec<Zone>> {
    refuse_shared_folders(&written, sources, report);
    let mut zone = |name: String, written: schema::Zone| {
        let memory = within(Some(&written.memory), MAX_OBJECT, ByteSize(64 << 10)..=ByteSize(16 * TIB), report);
        let max_object = within(written.max_object.as_ref(), MAX_OBJECT.min(memory), ByteSize(1)..=memory, report);
        let disk = written.disk.map(|disk| check_disk(&disk.value, max_object, sources, report));
        Zone { name, memory, max_object, disk }
    };
    let checked: Vec<_> = written.entries.into_iter().map(|(name, w)| Some(zone(name.value, w.0?))).collect();
    // Collected first, so that each has been checked.
    checked.into_iter().collect()
}

fn check_disk(written: &schema::ZoneDisk, max_object: ByteSize, sources: &Sources, report: &mut Report) -> ZoneDisk {
    let size = within(Some(&written.size), *DISK.start(), DISK, report);
    if DISK.contains(&size) && size.0 / OBJECTS_ON_DISK_MIN < max_object.0 {
        let message = format!("a disk of {size} is too small for objects of {max_object}");
        let hint = format!("at least {OBJECTS_ON_DISK_MIN} must fit: raise `size`, or lower `max_object`");
        report.refuse_with_hint(Code::OutOfRange, &written.size.at, message, hint);
    }
    ZoneDisk { folder: sources.resolve(&written.folder.value.0, &written.folder.at), size }
}

fn refuse_shared_folders(zones: &Named<Tried<schema::Zone>>, sources: &Sources, report: &mut Report) {
    let disks = zones.entries.iter().filter_map(|(_, zone)| Some(&zone.0.as_ref()?.disk.as_ref()?.value.folder));
    let folders: Vec<_> = disks.map(|f| (sources.resolve(&f.value.0, &f.at).display().to_string(), &f.at)).collect();
    refuse_repeated(Code::RepeatedValue, "folder", folders.iter().map(|(folder, at)| (folder, *at)), report);
}

/// The policy of a route with these methods and paths. `None`: reported.
pub(super) fn policy(
    written: &schema::Cache,
    methods: &[String],
    paths: &[PathPattern],
    zones: &mut Names,
    limits: &[ByteSize],
    report: &mut Report,
) -> Option<CachePolicy> {
    if !methods.is_empty() && !methods.iter().any(|method| method == "GET" || method == "HEAD") {
        let message = format!("answers to {} are never kept", methods.join(", "));
        report.refuse_with_hint(Code::WithoutEffect, &written.zone.at, message, "remove `cache`, or match `GET`");
    }
    let zone = zones.find(&written.zone, report);
    let zone_max = zone.and_then(|zone| limits.get(usize::from(zone))).copied();
    let most = zone_max.unwrap_or(ByteSize(16 * TIB));
    let plain = CachePolicy::of_zone(ZoneId(zone.unwrap_or_default()), most);
    let mut time = |written: &Option<_>, default| within(written.as_ref(), default, Duration::ZERO..=YEAR, report);
    let policy = CachePolicy {
        default_ttl: written.default_ttl.is_some().then(|| time(&written.default_ttl, Duration::ZERO)),
        stale_while_revalidate: time(&written.stale_while_revalidate, plain.stale_while_revalidate),
        stale_if_error: time(&written.stale_if_error, plain.stale_if_error),
        ..plain
    };
    let query = written.query.as_ref().map_or(QueryKey::All, |query| self::query(query, report));
    let policy = CachePolicy {
        overrides: written.r#override.as_ref().map(|given| overrides(given, report)).unwrap_or_default(),
        negative: written.negative.as_ref().map(|negative| self::negative(negative, report)).unwrap_or_default(),
        sort_query: sort_query(written, &query, report),
        query,
        key: written.key.as_ref().map(|key| key_parts(key, report)).unwrap_or_default(),
        vary: vary(written.vary.as_ref(), policy.vary, report),
        ignore_client: written.ignore_client.as_ref().map(|these| ignore(these, report)).unwrap_or_default(),
        max_object: within(written.max_object.as_ref(), most, ByteSize(1)..=most, report),
        set_cookie: written.set_cookie.as_ref().map_or(policy.set_cookie, |set_cookie| set_cookie.value),
        uncacheable_for: within(
            written.uncacheable_for.as_ref(),
            policy.uncacheable_for,
            Duration::ZERO..=HOUR,
            report,
        ),
        compress: written.compress.as_ref().map(|codings| compress(codings, report)).unwrap_or_default(),
        ..policy
    };
    let tags = tags(written.tags.as_ref(), policy.tags, paths, report);
    zone.and(Some(CachePolicy { tags: tags?, ..policy }))
}

fn overrides(written: &Written<schema::Override>, report: &mut Report) -> Overrides {
    let schema::Override { ttl, stale_while_revalidate, stale_if_error } = &written.value;
    if ttl.is_none() && stale_while_revalidate.is_none() && stale_if_error.is_none() {
        let hint = "give it `ttl`, `stale_while_revalidate` or `stale_if_error`, or leave it out";
        report.refuse_with_hint(Code::WithoutEffect, &written.at, "nothing is overridden", hint);
    }
    let mut time = |written: &Option<Written<Duration>>| {
        written.as_ref().map(|time| within(Some(time), Duration::ZERO, Duration::ZERO..=YEAR, report))
    };
    Overrides {
        ttl: time(ttl),
        stale_while_revalidate: time(stale_while_revalidate),
        stale_if_error: time(stale_if_error),
    }
}

fn negative(written: &Named<Written<Duration>>, report: &mut Report) -> Vec<Negative> {
    count(written.entries.len(), "status", 1..=LIST_MAX, &written.at, report);
    let mut kept = Vec::with_capacity(written.entries.len());
    for (status, ttl) in &written.entries {
        let ttl = within(Some(ttl), SECOND, SECOND..=DAY, report);
        match status.value.parse() {
            Ok(status @ 400..=599) => kept.push(Negative { status, ttl }),
            Ok(_) | Err(_) => {
                let message = format!("`{}` is no status of an error", status.value);
                report.refuse_with_hint(Code::OutOfRange, &status.at, message, "400 to 599, such as `404: 10s`");
            }
        }
    }
    kept.sort_unstable_by_key(|negative| negative.status);
    kept
}

fn query(written: &schema::Query, report: &mut Report) -> QueryKey {
    match written {
        schema::Query::All => QueryKey::All,
        schema::Query::Keep(names) => QueryKey::Keep(parameters(names, report)),
        schema::Query::Drop(names) => {
            if names.value.is_empty() {
                report.refuse_with_hint(Code::WithoutEffect, &names.at, "nothing is dropped", "write `query: all`");
            }
            QueryKey::Drop(parameters(names, report))
        }
    }
}

fn sort_query(written: &schema::Cache, query: &QueryKey, report: &mut Report) -> bool {
    let Some(Written { value, at }) = &written.sort_query else { return false };
    if matches!(query, QueryKey::Keep(_)) {
        let message = "what is kept of the query is sorted already";
        report.refuse_with_hint(Code::WithoutEffect, at, message, "remove `sort_query`");
    }
    *value
}

fn parameters(written: &Written<Vec<Written<String>>>, report: &mut Report) -> Vec<String> {
    count(written.value.len(), "parameter", 0..=PARAMETERS_MAX, &written.at, report);
    refuse_repeated(Code::RepeatedValue, "parameter", written.value.iter().map(|name| (&name.value, &name.at)), report);
    for Written { value, at } in &written.value {
        // As it is sent. With `%`, `+` or `;` it could mean several names, and then always belongs to the key.
        if value.is_empty() || !value.bytes().all(|b| b.is_ascii_graphic() && !b"%+;&=#\"<>".contains(&b)) {
            let hint = "a name as it stands in a URL, such as `utm_source`; is a comma missing?";
            report.refuse_with_hint(Code::WrongParameter, at, format!("no parameter is called `{value}`"), hint);
        }
    }
    written.value.iter().map(|name| name.value.clone()).collect()
}

fn key_parts(written: &Written<schema::KeyParts>, report: &mut Report) -> KeyParts {
    let schema::KeyParts { headers, cookies } = &written.value;
    if headers.is_none() && cookies.is_none() {
        let hint = "give it `headers` or `cookies`, or leave it out";
        report.refuse_with_hint(Code::WithoutEffect, &written.at, "nothing belongs to the key", hint);
    }
    let headers = headers.as_ref().map(|names| fields(names, report)).unwrap_or_default();
    let cookies = cookies.as_ref().map(|names| {
        tokens(names, "cookie", report);
        names.value.iter().map(|name| name.value.clone()).collect()
    });
    KeyParts { headers, cookies: cookies.unwrap_or_default() }
}

/// Names of header fields, in lower case.
fn fields(written: &Written<Vec<Written<String>>>, report: &mut Report) -> Vec<String> {
    let lower = |name: &Written<String>| Written { value: name.value.to_ascii_lowercase(), at: name.at.clone() };
    let lower = Written { value: written.value.iter().map(lower).collect(), at: written.at.clone() };
    tokens(&lower, "field", report);
    lower.value.into_iter().map(|name| name.value).collect()
}

fn tokens(written: &Written<Vec<Written<String>>>, thing: &str, report: &mut Report) {
    count(written.value.len(), thing, 1..=LIST_MAX, &written.at, report);
    refuse_repeated(Code::RepeatedValue, thing, written.value.iter().map(|name| (&name.value, &name.at)), report);
    for Written { value, at } in written.value.iter().filter(|name| !is_token(&name.value)) {
        let hint = format!("the name of a {thing}, such as `x-shop`");
        report.refuse_with_hint(Code::WrongField, at, format!("no {thing} is called `{value}`"), hint);
    }
}

fn vary(written: Option<&Written<schema::Vary>>, plain: VaryRules, report: &mut Report) -> VaryRules {
    let Some(Written { value: schema::Vary { accept_language, accept_encoding, max }, at }) = written else {
        return plain;
    };
    if accept_language.is_none() && accept_encoding.is_none() && max.is_none() {
        let hint = "give it `accept_language`, `accept_encoding` or `max`, or leave it out";
        report.refuse_with_hint(Code::WithoutEffect, at, "nothing is said about `Vary`", hint);
    }
    VaryRules {
        languages: accept_language.as_ref().map(|languages| self::languages(languages, report)).unwrap_or_default(),
        codings: accept_encoding.as_ref().map_or(plain.codings, |codings| codings.value),
        max: within(max.as_ref(), plain.max, 1..=10_000, report),
    }
}

fn languages(written: &Written<Vec<Written<String>>>, report: &mut Report) -> Vec<String> {
    count(written.value.len(), "language", 1..=LIST_MAX, &written.at, report);
    let lower: Vec<_> = written.value.iter().map(|language| language.value.to_ascii_lowercase()).collect();
    let places = lower.iter().zip(written.value.iter().map(|language| &language.at));
    refuse_repeated(Code::RepeatedValue, "language", places, report);
    for Written { value, at } in &written.value {
        // RFC 4647 section 2.1, without the wildcard.
        let part = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        if !value.split('-').all(part) || value.starts_with(|c: char| c.is_ascii_digit()) {
            let message = format!("`{value}` is no language");
            report.refuse_with_hint(Code::WrongField, at, message, "such as `de` or `pt-BR`");
        }
    }
    lower
}

fn tags(
    written: Option<&Written<schema::Tags>>,
    plain: TagRules,
    paths: &[PathPattern],
    report: &mut Report,
) -> Option<TagRules> {
    let Some(Written { value: schema::Tags { headers, add }, at }) = written else { return Some(plain) };
    if headers.is_none() && add.is_none() {
        let hint = "give it `headers` or `add`, or leave it out";
        report.refuse_with_hint(Code::WithoutEffect, at, "nothing is said about tags", hint);
    }
    let headers = headers.as_ref().map_or(plain.headers, |names| fields(names, report));
    let add = match add {
        None => Some(Vec::new()),
        Some(add) => {
            count(add.value.len(), "tag", 1..=LIST_MAX, &add.at, report);
            // Collected first, so that each has been checked.
            let tags: Vec<_> = add.value.iter().map(|tag| template::check(tag, Kind::Tag, paths, report)).collect();
            tags.into_iter().collect()
        }
    };
    Some(TagRules { headers, add: add? })
}

fn ignore(written: &schema::IgnoreClient, report: &mut Report) -> Vec<ClientDirective> {
    let these = match written {
        schema::IgnoreClient::All => return ClientDirective::ALL.map(|(directive, _)| directive).into(),
        schema::IgnoreClient::These(these) => these,
    };
    let name = |directive: ClientDirective| {
        ClientDirective::ALL.into_iter().find(|(known, _)| *known == directive).map_or("", |(_, name)| name)
    };
    count(these.value.0.len(), "directive", 1..=ClientDirective::ALL.len(), &these.at, report);
    let names: Vec<_> = these.value.0.iter().map(|directive| (name(directive.value), &directive.at)).collect();
    refuse_repeated(Code::RepeatedValue, "directive", names.iter().map(|(name, at)| (name, *at)), report);
    // In one order, so that the same set is the same policy.
    let is_named = |directive: &ClientDirective| these.value.0.iter().any(|named| named.value == *directive);
    ClientDirective::ALL.into_iter().map(|(directive, _)| directive).filter(is_named).collect()
}

fn compress(written: &Written<Vec<Written<Coding>>>, report: &mut Report) -> Vec<Coding> {
    count(written.value.len(), "coding", 1..=Coding::ALL.len(), &written.at, report);
    let tokens: Vec<_> = written.value.iter().map(|coding| (coding.value.token(), &coding.at)).collect();
    refuse_repeated(Code::RepeatedValue, "coding", tokens.iter().map(|(token, at)| (token, *at)), report);
    written.value.iter().map(|coding| coding.value).collect()
}
