//! What must hold of a request's header and query.

use config::model::{self, Attribute, Test};
use http::{HeaderName, HeaderValue};

use super::Asked;

/// One condition, ready to ask.
#[derive(Debug)]
pub(super) struct Condition {
    on: On,
    test: Test,
}

#[derive(Debug)]
enum On {
    Header(HeaderName),
    Query(String),
}

impl Condition {
    pub(super) fn new(model: &model::Condition) -> Self {
        let on = match &model.on {
            Attribute::Header(name) => {
                On::Header(HeaderName::from_bytes(name.as_bytes()).expect("the configuration checks names of fields"))
            }
            Attribute::Query(name) => On::Query(name.clone()),
        };
        Self { on, test: model.test.clone() }
    }

    pub(super) fn holds(&self, asked: &Asked<'_>) -> bool {
        match &self.on {
            On::Header(name) => holds(&self.test, asked.headers.get(name).map(HeaderValue::as_bytes)),
            On::Query(name) => {
                let query = form_urlencoded::parse(asked.query.unwrap_or_default().as_bytes());
                let first = query.into_iter().find(|(parameter, _)| parameter == name).map(|(_, value)| value);
                holds(&self.test, first.as_deref().map(str::as_bytes))
            }
        }
    }
}

/// Whether a test holds of the first occurrence.
fn holds(test: &Test, first: Option<&[u8]>) -> bool {
    match (test, first) {
        (Test::Absent, first) => first.is_none(),
        (_, None) => false,
        (Test::Present, Some(_)) => true,
        (Test::Is(text), Some(first)) => first == text.as_bytes(),
        (Test::Prefix(text), Some(first)) => first.starts_with(text.as_bytes()),
        (Test::Contains(text), Some(first)) => {
            text.is_empty() || first.windows(text.len()).any(|part| part == text.as_bytes())
        }
    }
}
