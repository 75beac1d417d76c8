//! One element of `Forwarded` (RFC 7239 s4): pairs such as `for="[2001:db8::1]:4711"` with `;` between them.

/// What one proxy says of whom it was asked by.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// `for`: an address, `unknown`, or a name made up to hide one.
    pub(super) node: Option<String>,
    /// `proto`: `http` or `https`, as a rule.
    pub(super) proto: Option<String>,
}

/// The elements of a field line from the right, without the blanks around them. Read from the left, a quote that a
/// client left open would swallow the commas that proxies put behind it; from the right, what they wrote is whole.
pub(super) fn from_right(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let comma = last_comma(line);
        rest = comma.map(|at| &line[..at]);
        Some(line[comma.map_or(0, |at| at + 1)..].trim_ascii())
    })
}

/// The last comma that stands in no quoted string.
fn last_comma(line: &[u8]) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' if !quoted => quoted = true,
            b'"' => {
                // The opening quote follows `=`; one behind an odd number of backslashes is a part of the string.
                let escapes = line[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                quoted = !escapes.is_multiple_of(2);
            }
            b',' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Reads an element; `None` where it is none, or says the same twice. Blanks around a `;` are let pass, and an address
/// in brackets without quotes, which the grammar forbids and some proxies write: they can mean but one thing.
pub(super) fn read(text: &[u8]) -> Option<Element> {
    let mut element = Element::default();
    let mut rest = str::from_utf8(text).ok()?;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(next) = rest.strip_prefix(';') {
            rest = next;
            continue;
        }
        if rest.is_empty() {
            return Some(element);
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = value(after)?;
        rest = after.trim_start_matches([' ', '\t']);
        if name.is_empty() || !name.bytes().all(is_token) || !(rest.is_empty() || rest.starts_with(';')) {
            return None;
        }
        let repeated = match name.to_ascii_lowercase().as_str() {
            "for" => element.node.replace(value).is_some(),
            "proto" => element.proto.replace(value).is_some(),
            _ => false,
        };
        if repeated {
            return None;
        }
    }
}

/// A value and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c| !u8::try_from(c).is_ok_and(|byte| is_token(byte) || b"[]:".contains(&byte)));
        let (value, rest) = text.split_at(end.unwrap_or(text.len()));
        return (!value.is_empty()).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// RFC 9110 s5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
