//! Texts with `${name}` in them.

/// Where a session keeps the value of a name.
pub(crate) type Slot = usize;

/// A text whose holes are filled anew for each session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(Slot),
}

/// How a value is written so that it cannot become syntax of what surrounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As it is.
    None,
    /// Percent-encoded (RFC 3986), except for unreserved characters and `/`.
    Path,
    /// As the inside of a JSON string.
    Json,
}

/// Why a text is no template.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum TemplateError {
    /// `${` without `}`.
    #[error("\"${{\" is not closed in \"{0}\"")]
    Unclosed(String),
    /// A name that nothing gives a value to.
    #[error("\"${{{0}}}\" is not known here; hint: name it under \"values\", or keep it in an earlier step")]
    Unknown(String),
}

impl Template {
    /// Reads `text`; `slot_of` knows the names that may stand in holes.
    pub(crate) fn parse(text: &str, slot_of: impl Fn(&str) -> Option<Slot>) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, hole)) = rest.split_once("${") {
            let (name, after) = hole.split_once('}').ok_or_else(|| TemplateError::Unclosed(text.to_owned()))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Hole(slot_of(name).ok_or_else(|| TemplateError::Unknown(name.to_owned()))?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Template { parts })
    }

    /// The slots that must have a value.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Hole(slot) => Some(*slot),
        })
    }

    /// The text with every hole filled from `values`.
    pub(crate) fn fill(&self, values: &[String], escape: Escape) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Hole(slot) => push_escaped(&mut text, &values[*slot], escape),
            }
        }
        text
    }
}

fn push_escaped(text: &mut String, value: &str, escape: Escape) {
    match escape {
        Escape::None => text.push_str(value),
        Escape::Path => {
            for byte in value.bytes() {
                match byte {
                    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                        text.push(char::from(byte));
                    }
                    _ => text.push_str(&format!("%{byte:02X}")),
                }
            }
        }
        Escape::Json => {
            let quoted = serde_json::Value::from(value).to_string();
            text.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Template, TemplateError> {
        Template::parse(text, |name| ["a", "b"].iter().position(|known| *known == name))
    }

    #[test]
    fn holes_are_filled_and_the_rest_is_kept() {
        let values = ["1".to_owned(), "x".to_owned()];
        assert_eq!(parse("/p/${a}?q=${b}&$5").unwrap().fill(&values, Escape::Path), "/p/1?q=x&$5");
        assert_eq!(parse("${b}${a}").unwrap().slots().collect::<Vec<_>>(), [1, 0]);
        assert_eq!(parse("").unwrap().fill(&[], Escape::None), "");
    }

    #[test]
    fn values_cannot_become_syntax() {
        let values = ["a/b c&d=\u{e9}".to_owned(), "say \"no\"\n\\".to_owned()];
        assert_eq!(parse("/${a}").unwrap().fill(&values, Escape::Path), "/a/b%20c%26d%3D%C3%A9");
        assert_eq!(parse("{\"t\":\"${b}\"}").unwrap().fill(&values, Escape::Json), r#"{"t":"say \"no\"\n\\"}"#);
    }

    #[test]
    fn what_is_open_or_unknown_is_refused() {
        assert_eq!(parse("/${a"), Err(TemplateError::Unclosed("/${a".to_owned())));
        assert_eq!(parse("/${c}"), Err(TemplateError::Unknown("c".to_owned())));
    }
}
