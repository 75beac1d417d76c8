//! What surrounds every request: its id, its deadline, and the headers that every answer has.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::freshness::{self, Freshness};
use super::problem::Problem;
use super::site::Site;
use super::visit::Renewal;
use super::{conditional, same_origin};
use crate::backing::secret::token;
use crate::clock;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Milliseconds for which the client will still wait.
const DEADLINE: HeaderName = HeaderName::from_static("x-request-deadline-ms");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
/// No answer to a question is worth more time than this.
const DEADLINE_MAX: Duration = Duration::from_secs(30);
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Wraps the handlers of the shop.
pub(crate) async fn wrap(State(site): State<Site>, mut request: Request, next: Next) -> Response {
    let begun = clock::stopwatch();
    let id = request_id(request.headers());
    let path = request.uri().path().to_owned();
    let asked = request.headers().clone();
    let signed = path.starts_with("/payment/webhook/"); // proves its origin by its signature
    let method = request.method().clone();
    let renewal = Renewal::default();
    request.extensions_mut().insert(renewal.clone());
    let checked = match signed {
        true => Ok(()),
        false => same_origin::check(&method, &asked, &site.public_url),
    };
    let response = match checked {
        Ok(()) => within_deadline(&method, &asked, next.run(request)).await,
        Err(problem) => axum::response::IntoResponse::into_response(problem),
    };
    let response = present(response, &path, &site, &id).await;
    let mut response = conditional::not_modified(&asked, response);
    if !freshness::is_stamped(&response) {
        freshness::stamp(&mut response, Freshness::Personal);
    }
    let headers = response.headers_mut();
    secure(headers, &site);
    renewal.stamp(headers, site.secure());
    let spent = begun.elapsed().as_secs_f64() * 1000.0;
    headers.extend(HeaderValue::from_str(&format!("app;dur={spent:.2}")).map(|value| (SERVER_TIMING, value)));
    headers.extend(HeaderValue::from_str(&id).map(|value| (REQUEST_ID, value)));
    response
}

/// Drops a question when nobody waits for its answer any more. What may change something is not begun when no time is
/// left, but once begun it ends: it is never cut between two of its writes.
async fn within_deadline(method: &Method, headers: &HeaderMap, work: impl Future<Output = Response>) -> Response {
    let asked = headers.get(DEADLINE).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_millis);
    let left = asked.map_or(DEADLINE_MAX, |asked| asked.min(DEADLINE_MAX));
    let done = match method.is_safe() {
        // A timeout asks the work first, which may be done at once: with no time left it is not begun.
        _ if left.is_zero() => None,
        true => tokio::time::timeout(left, work).await.ok(),
        false => Some(work.await),
    };
    done.unwrap_or_else(|| {
        let message = "This took too long. Please try again in a moment.";
        let problem = Problem::new(StatusCode::GATEWAY_TIMEOUT, "deadline", message);
        axum::response::IntoResponse::into_response(problem)
    })
}

/// Gives problems their shape: JSON where programs ask, a page where people do.
async fn present(mut response: Response, path: &str, site: &Site, request_id: &str) -> Response {
    let stated = response.extensions_mut().remove::<Problem>();
    let unstated = || Problem::of_status(response.status()).filter(|_| !freshness::is_stamped(&response));
    let Some(problem) = stated.or_else(unstated) else { return response };
    let mut shaped = match for_programs(path) {
        true => problem.as_json(),
        false => problem.as_page(site.frame("").await, request_id),
    };
    for (name, value) in response.headers() {
        if *name != http::header::CONTENT_LENGTH && *name != http::header::CONTENT_TYPE {
            shaped.headers_mut().append(name, value.clone()); // such as Allow
        }
    }
    freshness::stamp(&mut shaped, problem.freshness);
    shaped
}

fn for_programs(path: &str) -> bool {
    ["/api/", "/fragment/", "/payment/", "/healthz"].iter().any(|prefix| path.starts_with(prefix))
        || path.ends_with("/offer")
}

/// The id that the edge gave, if it is plain, or one of our own.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain =
        |id: &&str| !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(|c| c.is_ascii_graphic());
    given.filter(plain).map_or_else(token::<8>, str::to_owned)
}

/// Nothing runs on a page that is not ours, and no other page may frame ours.
fn secure(headers: &mut HeaderMap, site: &Site) {
    let policy = format!(
        "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; connect-src 'self'; \
         form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        site.payment_provider
    );
    headers.extend(HeaderValue::from_str(&policy).map(|value| (http::header::CONTENT_SECURITY_POLICY, value)));
    for (name, value) in [
        (http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (http::header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
        (http::header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deadline_cuts_questions_and_not_changes() {
        let answer = async |method: Method, milliseconds: u64, takes: Duration| {
            let headers = HeaderMap::from_iter([(DEADLINE, milliseconds.into())]);
            let work = async {
                tokio::time::sleep(takes).await;
                Response::default()
            };
            within_deadline(&method, &headers, work).await.status().as_u16()
        };
        let (at_once, later, much_later) = (Duration::ZERO, Duration::from_millis(20), Duration::from_secs(600));
        assert_eq!(answer(Method::GET, 60_000, at_once).await, 200);
        assert_eq!(answer(Method::GET, 1, much_later).await, 504);
        assert_eq!(answer(Method::POST, 1, later).await, 200);
        assert_eq!(answer(Method::GET, 0, at_once).await, 504);
        assert_eq!(answer(Method::POST, 0, at_once).await, 504, "it is not begun");
    }
}
