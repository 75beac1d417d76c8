//! What one difference costs. The edge keeps endpoints by pool and address, rate limits by route and position, and stored
//! answers by zone and key; what follows says so, and the edge's tests hold it to that.

use super::{
    Kind,
    tree::{Change, Tree, get},
};
use crate::{effective::Yaml, schema::quantity::byte_size};

pub(super) const RESTART: &str = "only a new process can have it";
const FROM_NOW_ON: &str = "for requests from now on";
const STATE_FORGOTTEN: &str =
    "its state is forgotten unless it comes back within 10 minutes; what is in flight there ends as it began";
const DEALT_OUT_ANEW: &str = "clients are no longer kept where they are, but dealt out anew";

/// Kind and words for a difference at `path`. `restart` are the keys that only a new process can change.
pub(super) fn effect(path: &[&str], change: &Change<'_>, old: &Tree, new: &Tree, restart: &[String]) -> (Kind, String) {
    let live = |words: &str| (Kind::Live, words.to_owned());
    if needs_restart(path, restart) {
        return (Kind::NeedsRestart, RESTART.to_owned());
    }
    match (path, change) {
        (["listeners", _], Change::Removed(_)) | (["listeners", _, "bind"], _) => {
            live("connections to an address that goes end after the request that they are at")
        }
        (["listeners", _, "tls"], Change::Added(_) | Change::Removed(_))
        | (["listeners", _, "tls", "client_certificates" | "client_ca"], _) => {
            live("for connections from now on; those of before that it would not let in are answered 421")
        }
        (["listeners", ..], _) => live("for connections from now on"),
        (["admin", ..], _) => live("for operators from now on"),
        (["classes"], _) => live("decides from now on who is turned away first"),
        (["pools", rest @ ..], _) => within_pools(rest, change),
        (["zones", _], Change::Removed(_) | Change::Renamed(..)) => {
            (Kind::OrphansCache, "its stored answers are dropped".to_owned())
        }
        (["zones", _], _) => live("it is empty at first"),
        (["zones", zone, "memory"], _) if shrinks(old, new, zone) => {
            (Kind::OrphansCache, "what no longer fits is dropped at once".to_owned())
        }
        (["zones", _, "disk"], Change::Added(_)) => live("what is in its folder is served, too"),
        (["zones", _, "disk"] | ["zones", _, "disk", "folder"], _) => {
            (Kind::OrphansCache, "what is only on the disk is no longer served; its files stay".to_owned())
        }
        (["zones", _, "disk", "size"], _) => live("the oldest answers go as it fills"),
        (["zones", ..], _) => live("for answers stored from now on"),
        (["routes", name], change) => whole_route(name, change),
        (["routes", name, rest @ ..], change) => within_route(name, rest, change, old, new),
        _ => live(FROM_NOW_ON),
    }
}

fn within_pools(path: &[&str], change: &Change<'_>) -> (Kind, String) {
    let live = |words: &str| (Kind::Live, words.to_owned());
    match (path, change) {
        ([_], Change::Removed(_) | Change::Renamed(..)) => (
            Kind::DropsCounters,
            "the state of its endpoints is forgotten; what is in flight ends as it began".to_owned(),
        ),
        ([_], _) => live("its endpoints count as up until a check says otherwise"),
        ([_, "endpoints", _], Change::Removed(_)) => (Kind::DropsCounters, STATE_FORGOTTEN.to_owned()),
        ([_, "endpoints", _], _) => live("counts as up until a check says otherwise"),
        ([_, "endpoints_file"], _) => live("its endpoints come and go; those that stay keep their state"),
        ([_, "balance"] | [_, "balance", "hash", "by"], _) => live("requests go to other endpoints from now on"),
        ([_, "sticky"], Change::Removed(_)) | ([_, "sticky", "cookie" | "key"], _) => live(DEALT_OUT_ANEW),
        ([_, "eject"], Change::Changed(Yaml::Map(_), Yaml::Scalar(_))) => live("who is ejected serves again at once"),
        ([_, "eject", ..], _) => live("for errors from now on; who is out stays out for its time"),
        ([_, "health"], Change::Removed(_)) => live("every endpoint counts as up"),
        ([_, "health", ..], _) => live("the checks begin anew; what they found holds until then"),
        _ => live(FROM_NOW_ON),
    }
}

fn needs_restart(path: &[&str], restart: &[String]) -> bool {
    let form = match path {
        [first @ ("listeners" | "pools" | "zones"), _, rest @ ..] => [&[*first, "*"], rest].concat().join("."),
        _ => path.join("."),
    };
    restart.contains(&form)
}

fn whole_route(name: &str, change: &Change<'_>) -> (Kind, String) {
    let (Change::Removed(route) | Change::Renamed(_, route)) = change else {
        return (Kind::Live, FROM_NOW_ON.to_owned());
    };
    let renamed = matches!(change, Change::Renamed(..));
    let answers = match get(route, &["cache"]) {
        None => None,
        Some(_) if renamed => has_own_answers(route).then(|| orphaned(name)),
        Some(_) => {
            let other = "unless another route takes the same requests with the same zone and query";
            Some(format!("orphans the stored answers of route {name}, {other}"))
        }
    };
    let counts = get(route, &["rate"]).map(|_| match renamed {
        true => "its rate limits count anew",
        false => "what its rate limits counted is forgotten",
    });
    match (answers, counts) {
        (Some(answers), Some(counts)) => (Kind::OrphansCache, format!("{answers}; {counts}")),
        (Some(answers), None) => (Kind::OrphansCache, answers),
        (None, Some(counts)) => (Kind::DropsCounters, counts.to_owned()),
        (None, None) => (Kind::Live, FROM_NOW_ON.to_owned()),
    }
}

fn within_route(name: &str, path: &[&str], change: &Change<'_>, old: &Tree, new: &Tree) -> (Kind, String) {
    let live = |words: &str| (Kind::Live, words.to_owned());
    let route = |tree: &Tree, has: &dyn Fn(&Yaml) -> bool| tree.route(name).is_some_and(has);
    let cached = |tree: &Tree| route(tree, &|route| get(route, &["cache"]).is_some());
    let conditional = |tree: &Tree| route(tree, &has_own_answers);
    let keeps_answers = cached(old) && cached(new);
    match (path, change) {
        (["cache"], Change::Added(_)) => live("for answers stored from now on"),
        (["cache"] | ["cache", "zone"], _) => {
            (Kind::OrphansCache, format!("orphans the stored answers of route {name}: they are no longer looked for"))
        }
        (["cache", "query" | "sort_query" | "key", ..], _) => (Kind::OrphansCache, orphaned(name)),
        (["cache", "vary"], _) | (["cache", "vary", "accept_language" | "accept_encoding", ..], _) => {
            (Kind::OrphansCache, format!("orphans those stored answers of route {name} that vary"))
        }
        (["cache", "ignore_client" | "compress", ..], _) => live(FROM_NOW_ON),
        (["cache", ..], _) => live("for answers stored from now on"),
        (["split"], Change::Added(_) | Change::Removed(_)) if keeps_answers => (Kind::OrphansCache, orphaned(name)),
        (["split", "pools", pool], Change::Removed(_)) if keeps_answers => {
            (Kind::OrphansCache, format!("orphans the stored answers of pool {pool}; its clients move to the others"))
        }
        (["split", ..], _) => live("clients move between the pools"),
        (["pool"] | ["rewrite", ..], _) if keeps_answers => {
            live("for requests from now on; what is stored is served to its end")
        }
        (["match", ..], _) if keeps_answers && conditional(old) != conditional(new) => {
            (Kind::OrphansCache, orphaned(name))
        }
        (["match", ..], _) => live("it takes other requests from now on"),
        (["rate", ..], Change::Added(_)) => live("it counts from now on"),
        (["rate", ..], Change::Removed(_)) => (Kind::DropsCounters, "what it counted is forgotten".to_owned()),
        (["rate", ..], _) => (Kind::DropsCounters, "it counts anew".to_owned()),
        _ => live(FROM_NOW_ON),
    }
}

fn orphaned(route: &str) -> String {
    format!("orphans the stored answers of route {route}: their keys change")
}

/// Where a URL alone does not say that it is this route's, answers are kept under the route's name; see
/// [`crate::model::Route::is_told_by_url`].
fn has_own_answers(route: &Yaml) -> bool {
    let conditions = get(route, &["match", "headers"]).is_some() || get(route, &["match", "query"]).is_some();
    let takes = |method: &str| match get(route, &["match", "method"]) {
        Some(Yaml::List(methods)) => {
            methods.iter().any(|own| matches!(own, Yaml::Scalar(own) if own.trim_matches(['"', '\'']) == method))
        }
        _ => true,
    };
    conditions || !takes("GET") || !takes("HEAD")
}

fn shrinks(old: &Tree, new: &Tree, zone: &str) -> bool {
    let bytes = |tree: &Tree| match tree.zone(zone).and_then(|zone| get(zone, &["memory"])) {
        Some(Yaml::Scalar(text)) => byte_size(text),
        _ => None,
    };
    bytes(new) < bytes(old)
}
