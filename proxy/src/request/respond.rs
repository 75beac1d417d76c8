//! The answer's header on its way to the client, and the edge's own answers.

use bytes::Bytes;
use config::model;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use pingora::http::ResponseHeader;

use super::{exchange::Exchange, refusal::Refusal};

/// An answer that is always the same.
#[derive(Debug)]
pub(crate) struct Fixed {
    /// Its status code.
    pub(crate) status: u16,
    /// `None` only without a body.
    pub(crate) content_type: Option<HeaderValue>,
    /// What is sent.
    pub(crate) body: Bytes,
}

/// Fields that belong to one connection (RFC 9110 s7.6.1); `Transfer-Encoding` is the framing's own business.
const HOP_BY_HOP: [&str; 5] = ["keep-alive", "proxy-connection", "proxy-authenticate", "te", "trailer"];

/// Why nobody can be sure where an answer ends, or what it means. Two lengths that differ Pingora refuses itself; of a
/// length beside chunks it leaves the chunks (RFC 9112 s6.3), and nothing to be seen here.
pub(crate) fn is_ambiguous(response: &ResponseHeader, exchange: Exchange) -> Option<&'static str> {
    if response.status == StatusCode::SWITCHING_PROTOCOLS && exchange != Exchange::WebSocket {
        return Some("the origin switched protocols unasked");
    }
    let mut codings = response.headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = codings.next().map(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    match (response.version, chunked) {
        (Version::HTTP_09, _) => Some("the origin answered in no version of HTTP/1"),
        (Version::HTTP_10, Some(_)) => Some("the origin answered in chunks of HTTP/1.0"),
        (_, Some(false)) => Some("the origin answered in an unknown transfer coding"),
        (_, Some(true)) if codings.next().is_some() => Some("the origin answered in more than one transfer coding"),
        _ => None,
    }
}

/// Whether an answer has no body.
pub(crate) fn ends_with_its_header(response: &ResponseHeader, method: &Method) -> bool {
    method == Method::HEAD
        || matches!(response.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || response.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "0")
}

/// Removes what belongs to the connection to the origin, before the answer is stored or passed on.
pub(crate) fn strip_hop_by_hop(response: &mut ResponseHeader) {
    for name in nominated(&response.headers) {
        response.remove_header(&name);
    }
    for name in HOP_BY_HOP {
        response.remove_header(name);
    }
}

/// Fields that `Connection` names, except those that frame the message.
fn nominated(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::CONNECTION).iter().filter_map(|v| v.to_str().ok());
    let names = lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_ascii_lowercase());
    let framing = ["", "close", "keep-alive", "upgrade", "transfer-encoding", "content-length", "connection"];
    names.filter(|name| !framing.contains(&name.as_str())).collect()
}

/// Says what the cache did with a request, what it is called, and that the edge is on the way of its answer.
pub(crate) fn introduce(
    response: &mut ResponseHeader,
    cache_status: &str,
    request_id: &str,
    via: &HeaderValue,
) -> pingora::Result<()> {
    response.append_header("cache-status", cache_status)?;
    response.insert_header("x-request-id", request_id)?;
    response.append_header(header::VIA, via).map(|_appended| ())
}

/// Removes what a message of HTTP/2 must not have (RFC 9113 s8.2.2).
pub(crate) fn suit_http2(header: &mut ResponseHeader) {
    static OF_HTTP1: [HeaderName; 6] = [
        header::CONNECTION,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    for name in &OF_HTTP1 {
        header.remove_header(name);
    }
}

/// An answer of the edge's own, as a page for a browser or as one line for anything else.
pub(crate) fn refusal(
    refusal: &Refusal,
    accept: Option<&[u8]>,
    request_id: &str,
    random: u64,
) -> pingora::Result<(ResponseHeader, Bytes)> {
    let html = accept.is_some_and(|accept| accept.windows(9).any(|at| at.eq_ignore_ascii_case(b"text/html")));
    let status = refusal.status();
    let body = if html { page(refusal, request_id) } else { format!("{status} {}\n", refusal.text()) };
    let mut response = ResponseHeader::build(status, Some(8))?;
    let content_type = if html { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
    response.insert_header(header::CONTENT_TYPE, content_type)?;
    response.insert_header(header::CONTENT_LENGTH, body.len())?;
    response.insert_header(header::CACHE_CONTROL, "no-store")?;
    response.insert_header("x-request-id", request_id)?;
    if let Some(seconds) = refusal.retry_after_s(random) {
        response.insert_header(header::RETRY_AFTER, seconds)?;
    }
    if let Refusal::MethodNotAllowed(allow) = refusal {
        response.insert_header(header::ALLOW, allow)?;
    }
    Ok((response, Bytes::from(body)))
}

/// A small page without scripts, pictures or anything else that would have to be fetched from a site in trouble.
fn page(refusal: &Refusal, request_id: &str) -> String {
    let (status, text) = (refusal.status(), refusal.text());
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{status}</title>\
         <style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:32rem;margin:18vh auto;padding:0 1.5rem;\
         color:#1d2733}}h1{{font-size:1.5rem}}small{{color:#5b6875}}</style>\
         <h1>{text}</h1><p><small>{status} &middot; request {request_id}</small></p></html>\n"
    )
}

/// The fixed answer of a route.
pub(crate) fn fixed(fixed: &Fixed, request_id: &str) -> pingora::Result<(ResponseHeader, Bytes)> {
    let mut response = ResponseHeader::build(fixed.status, Some(4))?;
    if let Some(content_type) = &fixed.content_type {
        response.insert_header(header::CONTENT_TYPE, content_type)?;
    }
    // RFC 9110 s8.6: not with a 204.
    if response.status != http::StatusCode::NO_CONTENT {
        response.insert_header(header::CONTENT_LENGTH, fixed.body.len())?;
    }
    response.insert_header("x-request-id", request_id)?;
    Ok((response, fixed.body.clone()))
}

/// The redirect of a route. `to` is its template, filled in for the request.
pub(crate) fn elsewhere(
    redirect: &model::Redirect,
    to: &str,
    query: Option<&str>,
    request_id: &str,
) -> pingora::Result<ResponseHeader> {
    let mut response = ResponseHeader::build(redirect.status, Some(4))?;
    response.insert_header(header::LOCATION, location(to, query.filter(|_| redirect.keep_query)))?;
    response.insert_header(header::CONTENT_LENGTH, 0)?;
    response.insert_header("x-request-id", request_id)?;
    Ok(response)
}

/// Where a redirect leads. A path never begins with two slashes, with which a client could make it name any host
/// (RFC 3986 s4.2); the query comes behind one that is there already, and before a fragment.
fn location(to: &str, query: Option<&str>) -> String {
    let (to, fragment) = to.find('#').map_or((to, ""), |at| to.split_at(at));
    let path = to.strip_prefix('/').map(|path| path.trim_start_matches('/'));
    let to = path.map_or_else(|| to.to_owned(), |path| format!("/{path}"));
    match query {
        Some(query) if to.contains('?') => format!("{to}&{query}{fragment}"),
        Some(query) => format!("{to}?{query}{fragment}"),
        None => to + fragment,
    }
}

/// Where a request goes that came to a plain listener: the same host and path over TLS.
pub(crate) fn redirect(host: &str, port: u16, path: &str, query: Option<&str>) -> pingora::Result<ResponseHeader> {
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    let mut response = ResponseHeader::build(308, Some(4))?;
    response.insert_header(header::LOCATION, format!("https://{host}{port}{path}{query}"))?;
    response.insert_header(header::CONTENT_LENGTH, 0)?;
    response.insert_header(header::CACHE_CONTROL, "no-store")?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_origins_connection_stays_there() {
        let mut response = ResponseHeader::build(200, None).unwrap();
        for (name, value) in [
            ("connection", "close, X-Secret, content-length"),
            ("x-secret", "1"),
            ("keep-alive", "timeout=5"),
            ("content-length", "3"),
            ("etag", "\"x\""),
        ] {
            response.append_header(name, value).unwrap();
        }
        strip_hop_by_hop(&mut response);
        let mut left: Vec<_> = response.headers.keys().map(|name| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, ["connection", "content-length", "etag"]);
    }

    #[test]
    fn a_browser_gets_a_page_and_a_program_a_line() {
        let (header, body) = refusal(&Refusal::Overloaded, Some(b"text/HTML,*/*"), "id7", 1).unwrap();
        assert_eq!((header.status.as_u16(), &header.headers["retry-after"]), (503, &"2".parse().unwrap()));
        let page = String::from_utf8(body.to_vec()).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.contains("request id7"));
        let (header, body) = refusal(&Refusal::MethodNotAllowed("GET".to_owned()), None, "id7", 0).unwrap();
        assert_eq!((&header.headers["allow"], &body[..4]), (&"GET".parse().unwrap(), &b"405 "[..]));
    }

    #[test]
    fn a_redirect_never_names_a_host_by_accident() {
        for (to, query, expected) in [
            ("/a", None, "/a"),
            ("/a", Some("q=1"), "/a?q=1"),
            ("/a?x=1", Some("q=1"), "/a?x=1&q=1"),
            ("/a#part", Some("q=1"), "/a?q=1#part"),
            ("//evil.example/x", None, "/evil.example/x"),
            ("///", Some("q"), "/?q"),
            ("https://a.example//x", None, "https://a.example//x"),
        ] {
            assert_eq!(location(to, query), expected);
        }
    }

    #[test]
    fn a_redirect_keeps_host_path_and_query() {
        let to = |port| redirect("shop.example", port, "/a", Some("q=1")).unwrap().headers["location"].clone();
        assert_eq!(to(443), "https://shop.example/a?q=1");
        assert_eq!(to(8443), "https://shop.example:8443/a?q=1");
    }
}
