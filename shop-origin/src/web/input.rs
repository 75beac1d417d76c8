//! What a client sends: forms, JSON objects and queries, all as named texts. Their meaning is decided by who reads them.

use std::collections::BTreeMap;

use axum::Form;
use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::problem::Problem;

/// Bodies are small forms; an order is under 2 KiB.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// The fields of a form or of a JSON object. When a name comes twice, the last one counts.
#[derive(Debug, Default)]
pub(crate) struct Fields(BTreeMap<String, String>);

/// The parameters of a query; read as [`Fields`] are.
#[derive(Debug, Default)]
pub(crate) struct Params(pub(crate) Fields);

impl Fields {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Empty when it is missing: for fields whose emptiness is a problem anyway.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A whole number, or a sentence that says what is wrong.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Problem> {
        match self.get(name).map(str::trim) {
            None | Some("") => Err(Problem::bad_request(format!("The field \"{name}\" is missing."))),
            Some(text) => text.parse().map_err(|_not_one| {
                let shown: String = text.chars().take(20).collect();
                Problem::bad_request(format!("The field \"{name}\" cannot be \"{shown}\"."))
            }),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Fields, Problem> {
        match kind(request.headers()) {
            Kind::Json => {
                let Json(object) = Json::<Map<String, Value>>::from_request(request, state).await.map_err(refused)?;
                from_json(object)
            }
            Kind::Form => {
                let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, state).await.map_err(refused)?;
                Ok(Fields(pairs.into_iter().collect()))
            }
            Kind::Nothing => Ok(Fields::default()),
            Kind::Other => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send a form or a JSON object.",
            )),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Params, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await.map_err(refused)?;
        Ok(Params(Fields(pairs.into_iter().collect())))
    }
}

enum Kind {
    Json,
    Form,
    Nothing,
    Other,
}

fn kind(headers: &HeaderMap) -> Kind {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Kind::Nothing };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" => Kind::Json,
        "application/x-www-form-urlencoded" => Kind::Form,
        _ => Kind::Other,
    }
}

fn from_json(object: Map<String, Value>) -> Result<Fields, Problem> {
    let mut fields = BTreeMap::new();
    for (name, value) in object {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Array(_) | Value::Object(_) => {
                let shown: String = name.chars().take(20).collect();
                return Err(Problem::bad_request(format!("The field \"{shown}\" must be a text or a number.")));
            }
        };
        fields.insert(name, text);
    }
    Ok(Fields(fields))
}

/// The library's refusal as a problem of ours.
fn refused(rejection: impl IntoResponse) -> Problem {
    match rejection.into_response().status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request is larger than the shop takes.")
        }
        _ => Problem::bad_request("The fields of this request cannot be read."),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    async fn fields(content_type: Option<&str>, body: &str) -> Result<Fields, StatusCode> {
        let mut request = Request::post("/");
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        Fields::from_request(request, &()).await.map_err(|problem| problem.status)
    }

    #[tokio::test]
    async fn a_form_and_a_json_object_are_read_alike() {
        let form = fields(Some("application/x-www-form-urlencoded"), "sku=7&quantity=2&city=K%C3%B6ln").await.unwrap();
        let json = r#"{"sku": 7, "quantity": "2", "city": "Köln", "none": null}"#;
        let json = fields(Some("application/json; charset=utf-8"), json).await.unwrap();
        assert_eq!(form.0, json.0);
        assert_eq!(form.number::<u32>("quantity").unwrap(), 2);
        assert!(form.number::<u32>("city").is_err() && form.number::<u32>("missing").is_err());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused() {
        assert!(fields(None, "").await.unwrap().get("sku").is_none());
        assert_eq!(fields(Some("text/plain"), "sku=7").await.unwrap_err(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        for broken in ["", "{", "[]", "7", r#"{"sku": [7]}"#, r#"{"sku": {"a": 7}}"#] {
            assert_eq!(
                fields(Some("application/json"), broken).await.unwrap_err(),
                StatusCode::BAD_REQUEST,
                "{broken}"
            );
        }
    }
}
