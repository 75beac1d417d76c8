//! Conditional requests (RFC 9110 section 13): who has the answer already is told so in a few bytes.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::backing::secret::hex;

const ETAG_BYTES: usize = 12;

/// A strong validator: equal exactly when the bytes are.
pub(super) fn etag(body: &[u8]) -> HeaderValue {
    let digest = hex(&Sha256::digest(body)[..ETAG_BYTES]);
    HeaderValue::from_str(&format!("\"{digest}\"")).expect("hex digits in quotes")
}

/// Turns a 200 into a 304 when the client named the answer's ETag. `If-None-Match` compares weakly (section 13.1.2), as a
/// cache that has compressed the answer has weakened its tag.
pub(super) fn not_modified(request: &HeaderMap, response: Response) -> Response {
    let Some(etag) = response.headers().get(ETAG).filter(|_| response.status() == StatusCode::OK) else {
        return response;
    };
    let fits = |candidate: &[u8]| {
        let candidate = candidate.trim_ascii();
        candidate == b"*" || candidate.strip_prefix(b"W/").unwrap_or(candidate) == etag.as_bytes()
    };
    let named = request.get_all(IF_NONE_MATCH).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    if !named.into_iter().any(fits) {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    Response::from_parts(parts, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(if_none_match: &str) -> StatusCode {
        let mut request = HeaderMap::new();
        request.insert(IF_NONE_MATCH, HeaderValue::from_str(if_none_match).unwrap());
        let mut response = Response::new(Body::from("hello"));
        response.headers_mut().insert(ETAG, etag(b"hello"));
        not_modified(&request, response).status()
    }

    #[test]
    fn only_who_has_it_is_spared() {
        let tag = etag(b"hello").to_str().unwrap().to_owned();
        for spared in [tag.clone(), format!("W/{tag}"), format!("\"other\" , {tag}"), "*".to_owned()] {
            assert_eq!(status(&spared), StatusCode::NOT_MODIFIED, "{spared}");
        }
        for other in ["\"other\"".to_owned(), tag.replace('"', ""), String::new()] {
            assert_eq!(status(&other), StatusCode::OK, "{other}");
        }
    }
}
