//! A URL as people write it -> as it is spelt in keys.

use std::borrow::Cow;

use thiserror::Error;

use crate::{
    request::{
        caching::key,
        identify::{host_of, path},
        refusal::Refusal,
    },
    snapshot::{Action, Snapshot},
};

/// Why a text names no URL that could be stored.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum SpellingError {
    /// Without a host it could be any site's.
    #[error("`{0}` names no host; hint: write all of it, such as `https://shop.example.com/product/7`")]
    NoHost(String),
    /// What the edge would not have answered.
    #[error("`{url}` is no URL of a request: {why}")]
    NotAsked { url: String, why: String },
}

/// A URL taken apart; scheme, host and port may mean several.
struct Parts<'u> {
    /// Whether by TLS; both, if the URL does not say.
    secure: Vec<bool>,
    authority: String,
    /// In one spelling.
    path: Cow<'u, str>,
    query: Option<&'u str>,
}

/// Every spelling under which an answer to this URL can be stored: as written, and as each route that takes its host and
/// path spells the query, whatever else the route asks of a request.
pub(crate) fn spellings(url: &str, snapshot: &Snapshot) -> Result<Vec<String>, SpellingError> {
    let parts = parts(url)?;
    let host = host_of(&parts.authority).map_err(|refusal| not_asked(url, &refusal))?;
    let routes = snapshot.router.at(host, &parts.path).into_iter().map(|id| &snapshot.routes[id.index()]);
    let policies: Vec<_> = routes.filter_map(|route| route.caching().map(|(policy, _)| policy)).collect();
    let mut spelt = Vec::new();
    for (secure, authority) in parts.origins() {
        let asked = key::Asked { secure, authority: &authority, path: &parts.path, query: parts.query };
        let literal = parts.query.map_or_else(String::new, |query| format!("?{query}"));
        spelt.push(format!("{}{authority}{}{literal}", scheme(secure), parts.path));
        spelt.extend(policies.iter().map(|policy| key::url(&asked, policy)));
    }
    spelt.sort_unstable();
    spelt.dedup();
    Ok(spelt)
}

/// The zones and keys under which a URL can be stored, in these spellings; without what routes add of a request's fields.
pub(crate) fn keys(spellings: &[String], snapshot: &Snapshot) -> Vec<(String, String)> {
    let mut keys = Vec::new();
    for route in &snapshot.routes {
        let (Some((_, zone)), Action::Forward(forward)) = (route.caching(), &route.action) else { continue };
        let pools = forward.arms.iter().map(|arm| forward.split.is_some().then_some(arm.pool.model.name.as_str()));
        for scope in pools.map(|pool| key::of_route(&route.model, pool)) {
            keys.extend(spellings.iter().map(|url| (zone.name.clone(), format!("{scope}{url}"))));
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Every spelling of the beginning of a URL. It ends where it was written to: `/product/1` means `/product/10` too.
pub(crate) fn prefix_spellings(prefix: &str) -> Result<Vec<String>, SpellingError> {
    let parts = parts(prefix)?;
    let query = parts.query.map_or_else(String::new, |query| format!("?{query}"));
    let spelt = |(secure, authority)| format!("{}{authority}{}{query}", scheme(secure), parts.path);
    Ok(parts.origins().into_iter().map(spelt).collect())
}

impl Parts<'_> {
    /// Scheme and authority in every way that clients may write them: the port that goes without saying may be said.
    fn origins(&self) -> Vec<(bool, String)> {
        let mut origins = Vec::new();
        for &secure in &self.secure {
            let implied = if secure { ":443" } else { ":80" };
            origins.push((secure, self.authority.clone()));
            match self.authority.strip_suffix(implied) {
                Some(bare) => origins.push((secure, bare.to_owned())),
                None if host_of(&self.authority).is_ok_and(|host| host == self.authority) => {
                    origins.push((secure, format!("{}{implied}", self.authority)));
                }
                None => {}
            }
        }
        origins
    }
}

fn parts(url: &str) -> Result<Parts<'_>, SpellingError> {
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SpellingError::NotAsked {
            url: url.to_owned(),
            why: "what is not ASCII must be encoded".to_owned(),
        });
    }
    let (secure, rest) = match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (vec![true], rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (vec![false], rest),
        _ => (vec![true, false], url),
    };
    let rest = rest.split_once('#').map_or(rest, |(rest, _fragment)| rest);
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    if authority.is_empty() {
        return Err(SpellingError::NoHost(url.to_owned()));
    }
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = if path.is_empty() { "/" } else { path };
    let path = path::normalise(path).map_err(|refusal| not_asked(url, &refusal))?;
    let authority = authority.to_ascii_lowercase();
    host_of(&authority).map_err(|refusal| not_asked(url, &refusal))?;
    Ok(Parts { secure, authority, path, query })
}

fn scheme(secure: bool) -> &'static str {
    if secure { "https://" } else { "http://" }
}

/// What clients would be told, as a part of a sentence.
fn why(refusal: &Refusal) -> String {
    match refusal {
        Refusal::BadRequest(why) => (*why).to_owned(),
        other => other.label().to_owned(),
    }
}

fn not_asked(url: &str, refusal: &Refusal) -> SpellingError {
    SpellingError::NotAsked { url: url.to_owned(), why: why(refusal) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(prefix: &str) -> Vec<String> {
        prefix_spellings(prefix).unwrap()
    }

    #[test]
    fn what_is_left_unsaid_may_be_either() {
        assert_eq!(spelt("https://Shop.Example/a/./b"), ["https://shop.example/a/b", "https://shop.example:443/a/b"]);
        assert_eq!(spelt("http://shop.example:80"), ["http://shop.example:80/", "http://shop.example/"]);
        assert_eq!(spelt("https://shop.example:8443/?a=1"), ["https://shop.example:8443/?a=1"]);
        assert_eq!(spelt("shop.example/a").len(), 4);
        assert_eq!(spelt("https://[::1]/a%7eb"), ["https://[::1]/a~b", "https://[::1]:443/a~b"]);
    }

    /// Else `https://shop.example` would purge `https://shop.example.org` as well.
    #[test]
    fn a_prefix_ends_no_sooner_than_its_host() {
        assert!(spelt("https://shop.example").iter().all(|prefix| prefix.ends_with('/')));
    }

    #[test]
    fn what_nobody_can_ask_for_is_not_purged() {
        for (text, says) in [
            ("/product/7", "names no host"),
            ("https:///a", "names no host"),
            ("https://sh op/a", "must be encoded"),
            ("https://shop.example:port/", "the host is not valid"),
            ("https://shop.example/%00", "no URL of a request"),
        ] {
            let said = prefix_spellings(text).err().unwrap().to_string();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
