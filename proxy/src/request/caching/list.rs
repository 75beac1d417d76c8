//! Lists as `Cache-Control` writes them (RFC 9110 s5.6.1): members between commas, some with a value, which may be quoted.

use http::HeaderMap;

/// One member: `name`, or `name=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member<'h> {
    name: &'h [u8],
    value: Option<&'h [u8]>,
}

/// RFC 9111 s1.2.2: what is too large to represent counts as this.
pub(crate) const LONG_S: u32 = 1 << 31;

impl<'h> Member<'h> {
    fn of(member: &'h [u8]) -> Self {
        match member.iter().position(|&byte| byte == b'=') {
            Some(at) => Self { name: member[..at].trim_ascii_end(), value: Some(&member[at + 1..]) },
            None => Self { name: member, value: None },
        }
    }

    /// Its name in lower case, as far as it is one that anybody knows.
    pub(crate) fn name<'n>(&self, lower_case: &'n mut [u8; NAME_MAX]) -> &'n [u8] {
        let Some(name) = lower_case.get_mut(..self.name.len()) else { return b"" };
        name.copy_from_slice(self.name);
        name.make_ascii_lowercase();
        name
    }

    /// Whether there is a value.
    pub(crate) fn has_value(&self) -> bool {
        self.value.is_some()
    }

    /// The value without its quotes.
    pub(crate) fn text(&self) -> Option<&'h [u8]> {
        let value = self.value?;
        Some(value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value))
    }

    /// The value as a time in seconds; `None` if it is none.
    pub(crate) fn seconds(&self) -> Option<u32> {
        seconds(self.text()?)
    }
}

/// The longest name of a directive that the edge knows, and some.
pub(crate) const NAME_MAX: usize = 32;

/// RFC 9111 s1.2.2 delta-seconds: digits alone; too many of them mean "long".
pub(crate) fn seconds(digits: &[u8]) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number = || str::from_utf8(digits).ok()?.parse().ok();
    is_number.then(|| number().unwrap_or(LONG_S).min(LONG_S))
}

/// The members of a field, over all its lines.
pub(crate) fn members<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = Member<'h>> + use<'h> {
    headers.get_all(name).into_iter().flat_map(|line| split(line.as_bytes())).map(Member::of)
}

/// The members of one line. A comma within quotes is part of its member, but a quote that is never closed quotes
/// nothing: it must not hide the `no-store` behind it.
pub(crate) fn split(line: &[u8]) -> Split<'_> {
    Split { rest: Some(line), quotes: true }
}

/// See [`split`].
pub(crate) struct Split<'h> {
    rest: Option<&'h [u8]>,
    /// Whether a quote can still be closed: looked for once, so that the time is in proportion to the line.
    quotes: bool,
}

impl<'h> Iterator for Split<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        loop {
            let rest = self.rest?;
            let mut at = 0;
            while at < rest.len() && rest[at] != b',' {
                at += 1;
                if rest[at - 1] == b'"' && self.quotes {
                    match closing(&rest[at..]) {
                        Some(closed) => at += closed,
                        None => self.quotes = false,
                    }
                }
            }
            self.rest = rest.get(at + 1..);
            let member = rest[..at].trim_ascii();
            if !member.is_empty() {
                return Some(member);
            }
        }
    }
}

/// The length of what is quoted, with the closing quote.
fn closing(quoted: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let at = quoted.iter().position(|&byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    });
    at.map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(line: &str) -> Vec<&str> {
        split(line.as_bytes()).map(|member| str::from_utf8(member).unwrap()).collect()
    }

    #[test]
    fn commas_in_quotes_separate_nothing() {
        assert_eq!(members(" a , b=\"c, d\",, e"), ["a", "b=\"c, d\"", "e"]);
        assert_eq!(members(r#"a="\", b", c"#), [r#"a="\", b""#, "c"]);
        assert_eq!(members(""), [""; 0]);
    }

    #[test]
    fn an_open_quote_hides_nothing() {
        assert_eq!(members("a=\"b, no-store"), ["a=\"b", "no-store"]);
        assert_eq!(members("a\"\\\"\", b"), ["a\"\\\"\"", "b"]);
    }

    #[test]
    fn seconds_are_digits_alone() {
        for (text, expected) in [
            ("0", Some(0)),
            ("60", Some(60)),
            ("00060", Some(60)),
            ("99999999999999999999", Some(LONG_S)),
            ("4294967295", Some(LONG_S)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            (" 1", None),
            ("1s", None),
        ] {
            assert_eq!(seconds(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn names_and_values() {
        let member = |text: &'static str| Member::of(text.as_bytes());
        let mut name = [0; NAME_MAX];
        assert_eq!(member("Max-Age=\"60\"").name(&mut name), b"max-age");
        assert_eq!(member("Max-Age=\"60\"").seconds(), Some(60));
        assert_eq!(member("max-age= 60").seconds(), None, "RFC 9110 s5.6.6: no white space around it");
        assert_eq!(member("max-age =60").name(&mut name), b"max-age");
        assert_eq!(member("public").text(), None);
        let endless = "x".repeat(100);
        assert_eq!(Member::of(endless.as_bytes()).name(&mut name), b"");
    }
}
