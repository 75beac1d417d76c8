//! What a client prefers, brought down to a few values (RFC 9110 s12.4, s12.5): answers that differ by how a browser spells
//! the same wish are one answer.

use std::borrow::Cow;

use config::model::{CachePolicy, Coding, VaryRules};
use http::{HeaderMap, HeaderName, header};

/// What a field counts as, and what the origin is asked in its place; `None` if the route leaves it as it is, and
/// `Some(None)` if the request has no wish.
pub(crate) fn normalised<'r>(
    request: &HeaderMap,
    name: &HeaderName,
    policy: &'r CachePolicy,
) -> Option<Option<Cow<'r, str>>> {
    let VaryRules { languages, codings: brings_down_codings, .. } = &policy.vary;
    match *name {
        // What the edge compresses itself it stores as it is. (Asked nothing, an origin may answer in any coding.)
        header::ACCEPT_ENCODING if !policy.compress.is_empty() => Some(Some(Cow::Borrowed("identity"))),
        header::ACCEPT_ENCODING if *brings_down_codings => Some(codings(request).map(Cow::Owned)),
        header::ACCEPT_LANGUAGE if !languages.is_empty() => Some(Some(Cow::Borrowed(language(request, languages)))),
        _ => None,
    }
}

/// Those of the codings that the edge knows which a client takes, in one order; `None` if it says nothing, which is to
/// take any (s12.5.3), and of which origins make no coding at all.
fn codings(request: &HeaderMap) -> Option<String> {
    let lines = request.get_all(header::ACCEPT_ENCODING);
    lines.iter().next()?;
    let wishes: Vec<_> = lines.iter().flat_map(|line| wishes(line.as_bytes())).collect();
    let weight = |token: &str| {
        let of = |name: &[u8]| wishes.iter().find(|wish| wish.name.eq_ignore_ascii_case(name)).map(|wish| wish.weight);
        of(token.as_bytes()).or_else(|| if token == "gzip" { of(b"x-gzip") } else { None }).or_else(|| of(b"*"))
    };
    let taken = |coding: &Coding| weight(coding.token()).is_some_and(|weight| weight > 0);
    let taken: Vec<_> = Coding::ALL.iter().filter(|coding| taken(coding)).map(|coding| coding.token()).collect();
    Some(if taken.is_empty() { "identity".to_owned() } else { taken.join(", ") })
}

/// The language that a client likes best of those that there are, by lookup (RFC 4647 s3.4): `de-AT` is content with `de`.
/// The first one is for everybody else.
fn language<'r>(request: &HeaderMap, languages: &'r [String]) -> &'r str {
    let lines = request.get_all(header::ACCEPT_LANGUAGE).into_iter();
    let mut wishes: Vec<_> = lines.flat_map(|line| wishes(line.as_bytes())).filter(|wish| wish.weight > 0).collect();
    // Stable: of equal wishes the first.
    wishes.sort_by_key(|wish| std::cmp::Reverse(wish.weight));
    let fits = |wish: &Wish<'_>| {
        let mut range = wish.name;
        loop {
            if let Some(found) = languages.iter().find(|language| language.as_bytes().eq_ignore_ascii_case(range)) {
                return Some(found);
            }
            range = &range[..range.iter().rposition(|&byte| byte == b'-')?];
        }
    };
    wishes.iter().find_map(fits).or(languages.first()).map_or("", String::as_str)
}

/// One member of a list of preferences, with its weight in thousandths.
struct Wish<'h> {
    name: &'h [u8],
    weight: u16,
}

fn wishes(line: &[u8]) -> impl Iterator<Item = Wish<'_>> {
    let members = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty());
    members.map(|member| {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
        Wish { name, weight: weight.map_or(1000, weight_of) }
    })
}

/// `0.5` as 500; what is no weight weighs nothing.
fn weight_of(text: &[u8]) -> u16 {
    let weight = str::from_utf8(text).ok().and_then(|text| text.parse::<f32>().ok());
    let weight = weight.filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    let thousandths = (weight * 1000.0).round() as u16;
    thousandths
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn codings_that_the_client_takes() {
        for (sent, expected) in [
            ("gzip, deflate, br, zstd", "zstd, br, gzip"),
            ("br;q=0.1, gzip;q=1.0", "br, gzip"),
            ("gzip;q=0, br", "br"),
            ("*", "zstd, br, gzip"),
            ("*;q=0", "identity"),
            ("gzip;q=0, *", "zstd, br"),
            ("x-gzip", "gzip"),
            ("GZIP; q=0.5", "gzip"),
            ("identity", "identity"),
            ("gzip;q=2", "identity"),
            ("", "identity"),
        ] {
            let of = codings(&headers(header::ACCEPT_ENCODING, sent));
            assert_eq!(of.as_deref(), Some(expected), "{sent:?}");
        }
        assert_eq!(codings(&HeaderMap::new()), None);
    }

    #[test]
    fn the_language_that_the_client_likes_best() {
        let languages = ["en", "de", "fr", "pt-br"].map(str::to_owned);
        for (sent, expected) in [
            ("de", "de"),
            ("de-AT, en;q=0.9", "de"),
            ("de-Latn-AT", "de"),
            ("es, fr;q=0.5, de;q=0.7", "de"),
            ("fr;q=0, es", "en"),
            ("PT-BR", "pt-br"),
            ("pt", "en"),
            ("*", "en"),
            ("", "en"),
        ] {
            assert_eq!(language(&headers(header::ACCEPT_LANGUAGE, sent), &languages), expected, "{sent:?}");
        }
        assert_eq!(language(&HeaderMap::new(), &languages), "en");
    }
}
