//! Is an answer the right one, and what does the visitor keep of it?

use http::StatusCode;
use memchr::memmem;
use serde_json::Value;

use super::connector::Answer;
use crate::measure::{Failure, Fault};
use crate::scenario::{Escape, Expect, Keep, Step};

/// How much of a wrong answer is shown.
const SHOWN_CHARS: usize = 120;

/// What became of an answer that was right.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The visitor has all that later steps need.
    All,
    /// There was nothing to pick: the visitor has no reason to go on.
    NothingToPick,
}

/// Checks `answer` and stores what the step keeps in `values`.
pub(super) fn take(step: &Step, answer: &Answer, values: &mut [String]) -> Result<Taken, Fault> {
    check(&step.expect, answer, values)?;
    if step.keep.is_empty() {
        return Ok(Taken::All);
    }
    let json: Value = serde_json::from_slice(&answer.body)
        .map_err(|error| Fault::new(Failure::Marker, format!("the body is not JSON: {error}")))?;
    for (slot, keep) in &step.keep {
        match find(&json, keep)? {
            Some(found) => values[*slot] = found,
            None => return Ok(Taken::NothingToPick),
        }
    }
    Ok(Taken::All)
}

fn find(json: &Value, keep: &Keep) -> Result<Option<String>, Fault> {
    match keep {
        Keep::At(pointer) => text_at(json, pointer).map(Some),
        Keep::FirstOf { from, conditions, take } => {
            let list = json.pointer(from).and_then(Value::as_array);
            let list = list.ok_or_else(|| Fault::new(Failure::Marker, format!("the body has no list at {from}")))?;
            let fits = |element: &&Value| {
                conditions.iter().all(|(member, wanted)| text(&element[member]).is_some_and(|has| has == *wanted))
            };
            list.iter().find(fits).map(|element| text_at(element, take)).transpose()
        }
    }
}

fn text_at(json: &Value, pointer: &str) -> Result<String, Fault> {
    let found = json.pointer(pointer).and_then(text);
    found.ok_or_else(|| Fault::new(Failure::Marker, format!("the body has no text or number at {pointer}")))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
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

    /// A step that expects status 200 and keeps one value.
    fn keeping(keep: Keep) -> Step {
        Step {
            interaction: 0,
            method: http::Method::GET,
            path: Template::parse("/", |_| None).unwrap(),
            headers: Vec::new(),
            body: None,
            expect: expect(None, None),
            keep: vec![(0, keep)],
            journal: None,
            think: std::time::Duration::ZERO,
        }
    }

    fn taken(keep: Keep, body: &'static str) -> Result<(Taken, String), Failure> {
        let mut values = [String::new()];
        let taken = take(&keeping(keep), &answer(200, body), &mut values).map_err(|fault| fault.failure)?;
        Ok((taken, values[0].clone()))
    }

    #[test]
    fn texts_and_numbers_are_kept() {
        let order = || Keep::At("/order/number".to_owned());
        assert_eq!(taken(order(), r#"{"order":{"number":"a7"}}"#), Ok((Taken::All, "a7".to_owned())));
        assert_eq!(taken(order(), r#"{"order":{"number":7}}"#), Ok((Taken::All, "7".to_owned())));
        assert_eq!(taken(order(), r#"{"order":{"number":null}}"#), Err(Failure::Marker));
        assert_eq!(taken(order(), "{"), Err(Failure::Marker));
    }

    #[test]
    fn the_first_that_will_do_is_picked_or_the_visitor_leaves() {
        let pick = || Keep::FirstOf {
            from: "/skus".to_owned(),
            conditions: vec![("stock".to_owned(), "in".to_owned())],
            take: "/sku".to_owned(),
        };
        let skus = r#"{"skus":[{"sku":1,"stock":"out"},{"sku":2,"stock":"in"},{"sku":3,"stock":"in"}]}"#;
        assert_eq!(taken(pick(), skus), Ok((Taken::All, "2".to_owned())));
        let sold_out = r#"{"skus":[{"sku":1,"stock":"out"}]}"#;
        assert_eq!(taken(pick(), sold_out), Ok((Taken::NothingToPick, String::new())));
        assert_eq!(taken(pick(), "{}"), Err(Failure::Marker));
        assert_eq!(taken(pick(), r#"{"skus":[{"stock":"in"}]}"#), Err(Failure::Marker));
    }
}
