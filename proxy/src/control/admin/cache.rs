//! `GET /cache`: the zones. `GET /cache/keys`: what is stored, page by page. `GET /cache/object`: all for one URL.

use cache::{Page, UrlHash};
use http::StatusCode;

use super::{
    Admin,
    answer::{Answer, error, json},
};
use crate::{
    clock,
    control::cache::{KeyList, StoredObject, TEXT_MAX, UrlReport, ZoneState, keys as keys_of, spellings},
};

/// Keys in one answer.
const KEYS_MAX: usize = 1000;
const KEYS_DEFAULT: usize = 100;
/// Stored answers for one URL, in one answer.
const OBJECTS_MAX: usize = 200;

/// All zones.
pub(super) fn get(admin: &Admin) -> Answer {
    let zones = admin.tender.edge().cache.store.stats().into_iter().map(ZoneState::from);
    json(StatusCode::OK, &zones.collect::<Vec<_>>())
}

/// A page of the keys of a zone: `zone`, `prefix`, `limit`, `after`.
pub(super) async fn keys(query: Option<&str>, admin: &Admin) -> Answer {
    let store = admin.tender.edge().cache.store;
    let mut page = Page { most: KEYS_DEFAULT, ..Page::default() };
    let mut zone = None;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            _ if value.len() > TEXT_MAX => return error(StatusCode::BAD_REQUEST, &format!("`{name}` is too long")),
            "zone" => zone = Some(value.into_owned()),
            "prefix" => page.prefix = value.into_owned(),
            "after" => page.after = value.into_owned(),
            "limit" => match value.parse() {
                Ok(limit @ 1..=KEYS_MAX) => page.most = limit,
                _ => return error(StatusCode::BAD_REQUEST, &format!("`limit` is a number from 1 to {KEYS_MAX}")),
            },
            other => return unknown(other, "zone, prefix, after, limit"),
        }
    }
    let known: Vec<_> = store.stats().into_iter().map(|zone| zone.zone).collect();
    let zone = match (zone, known.as_slice()) {
        (Some(zone), _) => zone,
        (None, [only]) => only.clone(),
        (None, _) => {
            let message = format!("there are several zones: {}; hint: `zone=` one of them", known.join(", "));
            return error(StatusCode::BAD_REQUEST, &message);
        }
    };
    let (name, most) = (zone.clone(), page.most);
    let Ok(listed) = tokio::task::spawn_blocking(move || store.keys(&zone, &page)).await else {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "the keys could not be listed");
    };
    let Some(listed) = listed else {
        return error(StatusCode::NOT_FOUND, &format!("there is no zone `{name}`; known are {}", known.join(", ")));
    };
    let next = listed.last().filter(|_| listed.len() == most).map(|last| last.key.clone());
    json(StatusCode::OK, &KeyList { zone: name, keys: listed.into_iter().map(Into::into).collect(), next })
}

/// Everything that is stored for `url`, in every zone or in `zone`.
pub(super) async fn object(query: Option<&str>, admin: &Admin) -> Answer {
    let (mut url, mut zone) = (None, None);
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            _ if value.len() > TEXT_MAX => return error(StatusCode::BAD_REQUEST, &format!("`{name}` is too long")),
            "url" => url = Some(value.into_owned()),
            "zone" => zone = Some(value.into_owned()),
            other => return unknown(other, "url, zone"),
        }
    }
    let Some(url) = url else {
        let hint = "hint: `/cache/object?url=` and a URL, percent-encoded";
        return error(StatusCode::BAD_REQUEST, &format!("no `url` is asked for; {hint}"));
    };
    let edge = admin.tender.edge();
    let snapshot = edge.published.load();
    let spellings = match spellings(&url, &snapshot) {
        Ok(spellings) => spellings,
        Err(cause) => return error(StatusCode::BAD_REQUEST, &cause.to_string()),
    };
    let mut on_disk = keys_of(&spellings, &snapshot);
    on_disk.retain(|(on, _)| zone.as_ref().is_none_or(|zone| zone == on));
    let urls: Vec<_> = spellings.iter().map(|url| UrlHash::of(url)).collect();
    let store = edge.cache.store;
    let inspect = move || store.inspect(zone.as_deref(), &urls, OBJECTS_MAX);
    let Ok(inspected) = tokio::task::spawn_blocking(inspect).await else {
        return error(StatusCode::INTERNAL_SERVER_ERROR, "the objects could not be listed");
    };
    let now = clock::wall();
    let stored = inspected.iter().map(|inspected| StoredObject::of(inspected, now)).collect();
    on_disk.retain(|(zone, key)| {
        let in_memory = inspected.iter().any(|inspected| inspected.zone == *zone && inspected.key == *key);
        !in_memory && store.is_on_disk(zone, key.as_bytes())
    });
    let on_disk_alone = on_disk.into_iter().map(|(_, key)| key).collect();
    json(StatusCode::OK, &UrlReport { spellings, stored, on_disk_alone })
}

fn unknown(name: &str, known: &str) -> Answer {
    error(StatusCode::BAD_REQUEST, &format!("there is no parameter `{name}`; known are {known}"))
}
