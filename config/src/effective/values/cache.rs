//! Zones of the cache and the policies of routes, written back.

use super::{Yaml, list, map, number, path, text, texts, time};
use crate::model::{
    CachePolicy, ClientDirective, Coding, KeyParts, Live, Negative, Overrides, QueryKey, SetCookie, TagRules,
    VaryRules, Zone, ZoneDisk,
};

pub(super) fn zone(Zone { name: _, memory, max_object, disk }: &Zone) -> Yaml {
    map([
        ("memory", Some(text(memory))),
        ("max_object", Some(text(max_object))),
        ("disk", disk.as_ref().map(self::disk)),
    ])
}

fn disk(ZoneDisk { folder, size }: &ZoneDisk) -> Yaml {
    map([("folder", Some(path(folder))), ("size", Some(text(size)))])
}

pub(super) fn policy_of(policy: &CachePolicy, live: &Live) -> Yaml {
    let CachePolicy {
        zone,
        default_ttl,
        stale_while_revalidate,
        stale_if_error,
        overrides,
        negative,
        query,
        sort_query,
        key,
        vary,
        tags,
        ignore_client,
        max_object,
        set_cookie,
        uncacheable_for,
        compress,
    } = policy;
    let set_cookie = match set_cookie {
        SetCookie::Refuse => "refuse",
        SetCookie::Strip => "strip",
    };
    let is_sorted = matches!(query, QueryKey::Keep(_));
    map([
        ("zone", Some(text(&live.zones[zone.index()].name))),
        ("default_ttl", default_ttl.map(time)),
        ("stale_while_revalidate", Some(time(*stale_while_revalidate))),
        ("stale_if_error", Some(time(*stale_if_error))),
        ("override", self::overrides(overrides)),
        ("negative", (!negative.is_empty()).then(|| self::negative(negative))),
        ("query", Some(self::query(query))),
        ("sort_query", (!is_sorted).then(|| number(sort_query))),
        ("key", key_parts(key)),
        ("vary", Some(self::vary(vary))),
        ("tags", Some(self::tags(tags))),
        ("ignore_client", (!ignore_client.is_empty()).then(|| list(ignore_client, directive))),
        ("max_object", Some(text(max_object))),
        ("set_cookie", Some(text(set_cookie))),
        ("uncacheable_for", Some(time(*uncacheable_for))),
        ("compress", (!compress.is_empty()).then(|| list(compress, |coding: &Coding| text(coding.token())))),
    ])
}

fn overrides(Overrides { ttl, stale_while_revalidate, stale_if_error }: &Overrides) -> Option<Yaml> {
    let any = ttl.is_some() || stale_while_revalidate.is_some() || stale_if_error.is_some();
    any.then(|| {
        map([
            ("ttl", ttl.map(time)),
            ("stale_while_revalidate", stale_while_revalidate.map(time)),
            ("stale_if_error", stale_if_error.map(time)),
        ])
    })
}

fn negative(negative: &[Negative]) -> Yaml {
    let entry = |Negative { status, ttl }: &Negative| (status.to_string(), time(*ttl));
    Yaml::Map(negative.iter().map(entry).collect())
}

fn query(query: &QueryKey) -> Yaml {
    match query {
        QueryKey::All => text("all"),
        QueryKey::Drop(names) => map([("drop", Some(texts(names)))]),
        QueryKey::Keep(names) => map([("keep", Some(texts(names)))]),
    }
}

fn key_parts(KeyParts { headers, cookies }: &KeyParts) -> Option<Yaml> {
    let some = |names: &[String]| (!names.is_empty()).then(|| texts(names));
    let any = !headers.is_empty() || !cookies.is_empty();
    any.then(|| map([("headers", some(headers)), ("cookies", some(cookies))]))
}

fn vary(VaryRules { languages, codings, max }: &VaryRules) -> Yaml {
    map([
        ("accept_language", (!languages.is_empty()).then(|| texts(languages))),
        ("accept_encoding", Some(number(codings))),
        ("max", Some(number(max))),
    ])
}

fn tags(TagRules { headers, add }: &TagRules) -> Yaml {
    map([("headers", Some(texts(headers))), ("add", (!add.is_empty()).then(|| list(add, |tag| text(&tag.raw))))])
}

fn directive(directive: &ClientDirective) -> Yaml {
    let name = ClientDirective::ALL.into_iter().find(|(known, _)| known == directive);
    text(name.map_or("", |(_, name)| name))
}
