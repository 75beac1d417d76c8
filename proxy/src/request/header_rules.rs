//! Changes to a header that the configuration asks for.

use config::model;
use http::{HeaderName, HeaderValue};
use pingora::{
    Result,
    http::{RequestHeader, ResponseHeader},
};

/// Pingora's two kinds of header have the same methods, but no trait.
macro_rules! change {
    ($rules:expr, $header:expr) => {{
        for name in &$rules.remove {
            $header.remove_header(name);
        }
        for (name, value) in &$rules.set {
            $header.insert_header(name, value)?;
        }
        for (name, value) in &$rules.add {
            $header.append_header(name, value)?;
        }
        Ok(())
    }};
}

/// What is removed, set and added, in this order.
#[derive(Debug, Default)]
pub(crate) struct HeaderRules {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
}

impl HeaderRules {
    /// Rules that have been checked: names and values are those of fields.
    pub(crate) fn new(model: &model::HeaderRules) -> Self {
        let name = |name: &String| HeaderName::from_bytes(name.as_bytes()).expect("the configuration checks names");
        let field = |(of, value): &(String, String)| {
            (name(of), HeaderValue::from_str(value).expect("the configuration checks values"))
        };
        Self {
            remove: model.remove.iter().map(name).collect(),
            set: model.set.iter().map(field).collect(),
            add: model.add.iter().map(field).collect(),
        }
    }

    /// Changes a header on its way to the origin.
    pub(crate) fn change_request(&self, header: &mut RequestHeader) -> Result<()> {
        change!(self, header)
    }

    /// Changes a header on its way to the client.
    pub(crate) fn change_response(&self, header: &mut ResponseHeader) -> Result<()> {
        change!(self, header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remove_then_set_then_add() {
        let text = |text: &str| text.to_owned();
        let rules = HeaderRules::new(&model::HeaderRules {
            remove: vec![text("server"), text("x-both")],
            set: vec![(text("x-set"), text("new"))],
            add: vec![(text("x-added"), text("2")), (text("x-both"), text("added"))],
        });
        let fields = [("server", "x"), ("x-both", "old"), ("x-set", "a"), ("x-set", "b"), ("x-added", "1")];
        let (mut request, mut response) =
            (RequestHeader::build("GET", b"/", None).unwrap(), ResponseHeader::build(200, None).unwrap());
        for (name, value) in fields {
            request.append_header(name, value).unwrap();
            response.append_header(name, value).unwrap();
        }
        rules.change_request(&mut request).unwrap();
        rules.change_response(&mut response).unwrap();
        for headers in [&request.headers, &response.headers] {
            let lines = |name| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>().join(" ");
            let all = ["server", "x-both", "x-set", "x-added"].map(lines);
            assert_eq!(all, ["", "added", "new", "1 2"]);
        }
    }
}
