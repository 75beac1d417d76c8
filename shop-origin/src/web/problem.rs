//! Every way the shop says no: a status, a name for programs, a sentence for people.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::freshness::Freshness;
use super::pages::{ErrorPage, Frame};
use super::site::html;
use crate::backing::db::Fault;

/// Seconds after which somebody who was turned away for lack of room may ask again.
const RETRY_AFTER_SECONDS: u32 = 2;

/// A refusal or a failure on its way out. It becomes JSON or a page in the envelope, which knows what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) freshness: Freshness,
}

impl Problem {
    /// A problem of this request, which nobody keeps.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Problem {
        Problem { status, code, message: message.into(), freshness: Freshness::Never }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// Nothing is at this address, for anybody: the edge may keep that for a moment.
    pub(crate) fn not_found() -> Problem {
        let problem = Problem::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.");
        Problem { freshness: Freshness::Missing, ..problem }
    }

    pub(crate) fn busy() -> Problem {
        let message = "The shop is very busy. Please try again in a moment.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
    }

    /// Something that is our fault: written to the log here, once, and not told to the visitor.
    pub(crate) fn fault(error: &(dyn std::error::Error + 'static)) -> Problem {
        tracing::error!(error, "a request failed");
        let message = "Something broke on our side. Please try again in a moment.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// For an answer that a library made without a body, such as "method not allowed".
    pub(super) fn of_status(status: StatusCode) -> Option<Problem> {
        let (code, message) = match status {
            StatusCode::NOT_FOUND => return Some(Problem::not_found()),
            StatusCode::METHOD_NOT_ALLOWED => {
                ("method_not_allowed", "This address does not take that kind of request.")
            }
            StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "The request is larger than the shop takes."),
            _ if status.is_server_error() => ("internal", "Something broke on our side. Please try again in a moment."),
            _ if status.is_client_error() => ("bad_request", "The shop does not understand this request."),
            _ => return None,
        };
        Some(Problem::new(status, code, message))
    }

    pub(crate) fn as_json(&self) -> Response {
        let body = Json(json!({"error": {"code": self.code, "message": self.message}}));
        self.finish((self.status, body).into_response())
    }

    pub(super) fn as_page(&self, frame: Frame, request_id: &str) -> Response {
        let page = match self.status {
            StatusCode::NOT_FOUND => ErrorPage::not_found(frame),
            StatusCode::INTERNAL_SERVER_ERROR => ErrorPage::fault(frame, request_id),
            status => ErrorPage::refused(frame, status.as_u16(), &self.message),
        };
        self.finish((self.status, html(&page)).into_response())
    }

    fn finish(&self, mut response: Response) -> Response {
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS));
        }
        response
    }
}

impl From<&Fault> for Problem {
    fn from(fault: &Fault) -> Problem {
        match fault {
            Fault::Overloaded | Fault::Busy => Problem::busy(),
            other => Problem::fault(other),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        Problem::from(&fault)
    }
}

impl From<std::sync::Arc<Fault>> for Problem {
    fn from(fault: std::sync::Arc<Fault>) -> Problem {
        Problem::from(&*fault)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_for_another_writer_in_vain_may_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let [one, two] = [(); 2].map(|()| rusqlite::Connection::open(folder.path().join("test.sqlite")).unwrap());
        two.busy_timeout(std::time::Duration::ZERO).unwrap();
        one.execute_batch("BEGIN IMMEDIATE").unwrap();
        let busy = Fault::from(two.execute_batch("BEGIN IMMEDIATE").unwrap_err());
        let answer = Problem::from(busy).as_json();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.headers().contains_key(RETRY_AFTER));

        let broken = Fault::from(two.execute_batch("SELECT nothing").unwrap_err());
        assert_eq!(Problem::from(broken).status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
