//! Is an answer the right one, and what does the visitor keep of it?

use http::StatusCode;
use memchr::memmem;

use super::connector::Answer;
use crate::measure::{Failure, Fault};
use crate::scenario::{Escape, Expect, Step};

/// How much of a wrong answer is shown.
const SHOWN_CHARS: usize = 120;

/// Checks `answer` and stores what the step keeps in `values`.
pub(super) fn take(step: &Step, answer: &Answer, values: &mut [String]) -> Result<(), Fault> {
    check(&step.expect, answer, values)?;
    if step.keep.is_empty() {
        return Ok(());
    }
    let json: serde_json::Value = serde_json::from_slice(&answer.body)
        .map_err(|error| Fault::new(Failure::Marker, format!("the body is not JSON: {error}")))?;
    for (slot, pointer) in &step.keep {
        values[*slot] = match json.pointer(pointer) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Number(number)) => number.to_string(),
            _ => return Err(Fault::new(Failure::Marker, format!("the body has no text or number at {pointer}"))),
        };
    }
    Ok(())
}

fn check(expect: &Expect, answer: &Answer, values: &[String]) -> Result<(), Fault> {
    if answer.status != expect.status {
        return Err(Fault::new(Failure::Status(answer.status.as_u16()), wrong_status(expect.status, answer)));
    }
    if let Some(marker) = &expect.body {
        let marker = marker.fill(values, Escape::None);
        if memmem::find(&answer.body, marker.as_bytes()).is_none() {
            return Err(Fault::new(Failure::Marker, format!("the body does not contain {marker:?}")));
        }
    }
    for (name, marker) in &expect.headers {
        let values = answer.headers.get_all(name);
        if !values.iter().any(|value| memmem::find(value.as_bytes(), marker.as_bytes()).is_some()) {
            return Err(Fault::new(Failure::Marker, format!("header {name} does not contain {marker:?}")));
        }
    }
    Ok(())
}

fn wrong_status(expected: StatusCode, answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let shown: String = body.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("instead of {}: {shown}", expected.as_u16())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName};

    use super::*;
    use crate::scenario::Template;

    fn answer(status: u16, body: &'static str) -> Answer {
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("content-type"),
            "text/css; charset=utf-8".parse().unwrap(),
        )]);
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from_static(body.as_bytes()) }
    }

    fn expect(body: Option<&str>, header: Option<&str>) -> Expect {
        Expect {
            status: StatusCode::OK,
            body: body.map(|text| Template::parse(text, |_| Some(0)).unwrap()),
            headers: header.map(|text| (http::header::CONTENT_TYPE, text.to_owned())).into_iter().collect(),
        }
    }

    fn failure(expect: &Expect, answer: &Answer) -> Option<Failure> {
        check(expect, answer, &["7".to_owned()]).err().map(|fault| fault.failure)
    }

    #[test]
    fn status_body_and_headers_must_all_be_right() {
        assert_eq!(failure(&expect(Some("b{}"), Some("text/css")), &answer(200, "a{}b{}")), None);
        assert_eq!(failure(&expect(None, None), &answer(503, "busy")), Some(Failure::Status(503)));
        assert_eq!(failure(&expect(Some("c{}"), None), &answer(200, "a{}")), Some(Failure::Marker));
        assert_eq!(failure(&expect(Some("no ${n};"), None), &answer(200, "order no 7;")), None);
        assert_eq!(failure(&expect(Some("no ${n};"), None), &answer(200, "order no 8;")), Some(Failure::Marker));
        assert_eq!(failure(&expect(None, Some("json")), &answer(200, "a{}")), Some(Failure::Marker));
    }

    #[test]
    fn a_wrong_status_is_reported_with_a_piece_of_the_body() {
        let fault = check(&expect(None, None), &answer(422, "{\"error\":\n1}"), &[]).unwrap_err();
        assert_eq!(fault.to_string(), "status 422: instead of 200: {\"error\": 1}");
    }
}
