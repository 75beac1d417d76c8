//! One spelling for each path, so that no route, rate limit or cache key is passed by writing the same path in another
//! way, and no origin reads more out of it than the edge did.

use std::borrow::Cow;

use crate::request::refusal::Refusal;

/// A path in its one spelling, by which routes, limits, keys and the origin know it. By these rules, in this order:
///
/// 1. A raw `\` or `#` is refused, as is a `%` without two hexadecimal digits.
/// 2. Unreserved characters are decoded, what is no `pchar` is encoded, and encodings are in upper case
///    (RFC 3986 s6.2.2). It is decoded once: `%2561` stays, and means `%61`.
/// 3. Encoded control characters are refused, `%00` among them, and so are overlong forms such as `%C0%AF`: no UTF-8
///    (RFC 3629 s3), though some decoders take them for the slash or the dot that they imitate. Other bytes may be in
///    any character set.
/// 4. `.` and `..` are resolved (RFC 3986 s5.2.4), at the root `..` falls away; several slashes are one, as most origins
///    take them; a final slash stays.
/// 5. An encoded slash (`%2F`) or backslash (`%5C`) is no separator, and stays as it is. Some origins take it for one,
///    and some cut off what follows a `;` (or `%3B`), so a segment is refused if they would find `.` or `..` in it:
///    `/a/..%2Fb`, `/a/..;x/b`.
///
/// So there are no dot segments in the result, whichever way it is read. It begins with `/` if `path` does, and is its
/// own result.
pub(crate) fn normalise(path: &str) -> Result<Cow<'_, str>, Refusal> {
    if path.bytes().all(is_plain) && !path.contains("/.") && !path.contains("//") {
        return Ok(Cow::Borrowed(path));
    }
    if path.contains(['#', '\\']) {
        return Err(Refusal::BadRequest("the path holds a character that must be encoded"));
    }
    resolve(&spell(path)?).map(Cow::Owned)
}

/// A slash, or a `pchar` (RFC 3986 s3.3) that is not encoded.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte)
}

/// Each character in its one spelling.
fn spell(path: &str) -> Result<String, Refusal> {
    let mut spelt = String::with_capacity(path.len() + 8);
    let mut rest = path.as_bytes();
    let mut before = [0; 2];
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let encoded = first == b'%';
        let byte = if encoded {
            let (code, after) = after.split_at_checked(2).ok_or(BROKEN)?;
            rest = after;
            decode(code).ok_or(BROKEN)?
        } else {
            first
        };
        if byte < b' ' || byte == 0x7f {
            return Err(Refusal::BadRequest("the path holds an encoded control character"));
        }
        if is_overlong(before, byte) {
            return Err(Refusal::BadRequest("the path holds an overlong encoding"));
        }
        before = [before[1], byte];
        if (!encoded && is_plain(byte)) || byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            spelt.push(char::from(byte));
        } else {
            spelt.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    Ok(spelt)
}

const BROKEN: Refusal = Refusal::BadRequest("a percent-encoding is broken");

fn decode(code: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(*code.first()?)? * 16 + digit(*code.get(1)?)?).ok()
}

fn hex(half: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(half)])
}

/// Whether a byte makes an overlong form of UTF-8 with the one or two before it: two bytes for what takes one, or the
/// beginning of three for what takes two, of four for three.
fn is_overlong(before: [u8; 2], byte: u8) -> bool {
    matches!(
        (before, byte),
        ([_, 0xc0 | 0xc1], 0x80..=0xbf) | ([0xe0, 0x80..=0x9f], 0x80..=0xbf) | ([0xf0, 0x80..=0x8f], 0x80..=0xbf)
    )
}

/// RFC 3986 s5.2.4 for an absolute path; empty segments fall away.
fn resolve(path: &str) -> Result<String, Refusal> {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_in_directory = false;
    for segment in path.split('/').skip(1) {
        ends_in_directory = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ if segment.contains('.') && hides_dots(segment) => {
                return Err(Refusal::BadRequest("the path hides a dot segment"));
            }
            _ => kept.push(segment),
        }
    }
    let mut resolved = String::with_capacity(path.len());
    for segment in &kept {
        resolved.push('/');
        resolved.push_str(segment);
    }
    if ends_in_directory {
        resolved.push('/');
    }
    Ok(resolved)
}

/// Whether those who take an encoded slash for a slash, or cut off parameters, would find `.` or `..` in a segment.
fn hides_dots(segment: &str) -> bool {
    let name = |part: &str| matches!(part.split(';').next(), Some("." | ".."));
    let read = segment.replace("%2F", "/").replace("%5C", "/").replace("%3B", ";");
    read.split('/').any(name)
}

#[cfg(test)]
mod tests;
