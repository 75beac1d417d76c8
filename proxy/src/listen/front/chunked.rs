//! Follows a chunked body byte by byte (RFC 9112 s7.1), so that what passes ends in one place for every reader.
//!
//! Stricter than the grammar: no white space around sizes and extensions, and extensions and trailers are bounded.

use super::head::is_token;

/// Digits of a size; 15 are below 2^60, which no parser's counter overflows.
const SIZE_DIGITS_MAX: u8 = 15;
/// Bytes of all extensions of a body: nobody is known to use them for more than a signature a chunk, and they cost the
/// edge work while they count as nothing (CVE-2023-39326 in Go).
const EXTENSIONS_MAX: u16 = 4 * 1024;
/// Bytes of all trailers.
const TRAILERS_MAX: u16 = 8 * 1024;

/// Where in a chunked body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Size {
        value: u64,
        digits: u8,
    },
    /// `;` or a name's characters.
    ExtensionName {
        empty: bool,
        size: u64,
    },
    ExtensionValue {
        empty: bool,
        size: u64,
    },
    Quoted {
        escaped: bool,
        size: u64,
    },
    AfterQuoted {
        size: u64,
    },
    /// The LF behind the line of a size.
    SizeLf {
        size: u64,
    },
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    TrailerName {
        empty: bool,
    },
    TrailerValue,
    TrailerLf,
    LastLf,
    Over,
}

/// What is wrong with a chunked body.
pub(crate) type Fault = &'static str;

/// A chunked body on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks {
    at: At,
    extensions: u16,
    trailers: u16,
}

impl Default for Chunks {
    fn default() -> Self {
        Self { at: At::Size { value: 0, digits: 0 }, extensions: 0, trailers: 0 }
    }
}

impl Chunks {
    /// How many of the bytes belong to the body: all, unless it ends among them.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut at = 0;
        while at < bytes.len() && !self.is_over() {
            if let At::Data { left } = self.at {
                let passed = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += passed;
                let left = left - passed as u64;
                self.at = if left == 0 { At::DataCr } else { At::Data { left } };
            } else {
                self.at = self.next(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// Whether the body has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.at == At::Over
    }

    fn next(&mut self, byte: u8) -> Result<At, Fault> {
        match self.at {
            At::Size { value, digits } => size(value, digits, byte),
            At::ExtensionName { .. } | At::ExtensionValue { .. } | At::Quoted { .. } | At::AfterQuoted { .. } => {
                self.extensions += 1;
                if self.extensions > EXTENSIONS_MAX {
                    return Err("its chunk extensions are too long");
                }
                extension(self.at, byte).ok_or("a chunk extension is not valid")
            }
            At::SizeLf { size: 0 } => line_feed(byte, At::TrailerName { empty: true }),
            At::SizeLf { size } => line_feed(byte, At::Data { left: size }),
            At::DataCr if byte == b'\r' => Ok(At::DataLf),
            At::DataCr => Err("a chunk does not end where its size says"),
            At::DataLf => line_feed(byte, At::Size { value: 0, digits: 0 }),
            At::TrailerName { .. } | At::TrailerValue | At::TrailerLf => {
                self.trailers += 1;
                if self.trailers > TRAILERS_MAX {
                    return Err("its trailers are too long");
                }
                trailer(self.at, byte)
            }
            At::LastLf => line_feed(byte, At::Over),
            At::Data { .. } | At::Over => Ok(self.at),
        }
    }
}

fn line_feed(byte: u8, next: At) -> Result<At, Fault> {
    if byte == b'\n' { Ok(next) } else { Err("a CR without LF in its chunks") }
}

fn size(value: u64, digits: u8, byte: u8) -> Result<At, Fault> {
    match (byte, char::from(byte).to_digit(16)) {
        (_, Some(_)) if digits == SIZE_DIGITS_MAX => Err("a chunk size is too large"),
        (_, Some(digit)) => Ok(At::Size { value: value * 16 + u64::from(digit), digits: digits + 1 }),
        (b'\r', None) if digits > 0 => Ok(At::SizeLf { size: value }),
        (b';', None) if digits > 0 => Ok(At::ExtensionName { empty: true, size: value }),
        _ => Err("a chunk size is not valid"),
    }
}

fn extension(at: At, byte: u8) -> Option<At> {
    let end = |size| match byte {
        b'\r' => Some(At::SizeLf { size }),
        b';' => Some(At::ExtensionName { empty: true, size }),
        _ => None,
    };
    match at {
        At::ExtensionName { size, .. } if is_token(byte) => Some(At::ExtensionName { empty: false, size }),
        At::ExtensionName { empty: false, size } if byte == b'=' => Some(At::ExtensionValue { empty: true, size }),
        At::ExtensionName { empty: false, size } => end(size),
        At::ExtensionValue { size, .. } if is_token(byte) => Some(At::ExtensionValue { empty: false, size }),
        At::ExtensionValue { empty: true, size } if byte == b'"' => Some(At::Quoted { escaped: false, size }),
        At::ExtensionValue { empty: false, size } | At::AfterQuoted { size } => end(size),
        At::Quoted { .. } if !is_text(byte) => None,
        At::Quoted { escaped: true, size } => Some(At::Quoted { escaped: false, size }),
        At::Quoted { escaped: false, size } => Some(match byte {
            b'"' => At::AfterQuoted { size },
            byte => At::Quoted { escaped: byte == b'\\', size },
        }),
        _ => None,
    }
}

fn trailer(at: At, byte: u8) -> Result<At, Fault> {
    match (at, byte) {
        (At::TrailerName { empty: true }, b'\r') => Ok(At::LastLf),
        (At::TrailerName { empty: false }, b':') => Ok(At::TrailerValue),
        (At::TrailerName { .. }, byte) if is_token(byte) => Ok(At::TrailerName { empty: false }),
        (At::TrailerValue, b'\r') => Ok(At::TrailerLf),
        (At::TrailerValue, byte) if is_text(byte) => Ok(At::TrailerValue),
        (At::TrailerLf, byte) => line_feed(byte, At::TrailerName { empty: true }),
        _ => Err("a trailer is not valid"),
    }
}

/// White space, visible characters and what is beyond ASCII (RFC 9110 s5.5).
fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let mut chunks = Chunks::default();
        let end = chunks.follow(bytes)?;
        Ok(chunks.is_over().then_some(end))
    }

    /// The same, a byte at a time.
    fn in_bytes(bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let mut chunks = Chunks::default();
        for (at, byte) in bytes.iter().enumerate() {
            if chunks.is_over() {
                return Ok(Some(at));
            }
            chunks.follow(&[*byte])?;
        }
        Ok(chunks.is_over().then_some(bytes.len()))
    }

    #[test]
    fn a_body_ends_behind_its_last_chunk() {
        for body in [
            "0\r\n\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
            "a\r\n0123456789\r\nA\r\n0123456789\r\n000\r\n\r\n",
            "5;a\r\nhello\r\n0;a=b;c=\"d;\\\"\r\t\"\r\n\r\n".replace("\r\t", "\t").as_str(),
            "1\r\n\r\r\n0\r\nX: y\r\nEmpty:\r\n\r\n",
        ] {
            let followed = format!("{body}GET /next");
            assert_eq!(whole(followed.as_bytes()), Ok(Some(body.len())), "{body:?}");
            assert_eq!(in_bytes(followed.as_bytes()), Ok(Some(body.len())), "{body:?}");
            for end in 0..body.len() {
                assert_eq!(whole(&body.as_bytes()[..end]), Ok(None), "{body:?} to {end}");
            }
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for body in [
            "\r\n",
            ";a\r\n",
            "5 \r\n",
            " 5\r\n",
            "5\t\r\n",
            "0x5\r\n",
            "+5\r\n",
            "-1\r\n",
            "5\n",
            "5\rh",
            "5;\r\n",
            "5;;a\r\n",
            "5;a=\r\n",
            "5;a b\r\n",
            "5; a\r\n",
            "5;a=\"b\r\n",
            "5;a=\"b\"c\r\n",
            "5;a=\"\\\r\n",
            "5;a=b=c\r\n",
            "1\r\nxy",
            "1\r\nx\n",
            "1\r\nx\rx",
            "0\r\n\n",
            "0\r\nx\r\n",
            "0\r\nx : y\r\n",
            "0\r\nx: \0",
            "0\r\nx: y\n",
            "0\r\n: y\r\n",
            "0\r\nx: y\r\n z",
            "1000000000000000\r\n",
            "0000000000000000\r\n",
        ] {
            assert!(whole(body.as_bytes()).is_err(), "{body:?}");
            assert!(in_bytes(body.as_bytes()).is_err(), "{body:?}");
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded_in_total() {
        let chunk = format!("1;{}\r\nx\r\n", "a".repeat(1000));
        assert!(whole(chunk.repeat(4).as_bytes()).is_ok() && whole(chunk.repeat(5).as_bytes()).is_err());
        let line = format!("X: {}\r\n", "y".repeat(1000));
        let trailers = |lines| format!("0\r\n{}", line.repeat(lines));
        assert!(whole(trailers(8).as_bytes()).is_ok() && whole(trailers(9).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn how_the_bytes_arrive_makes_no_difference(
            chunks in prop::collection::vec(("[ -~\r\n]{1,20}", "(;[a-z]+(=([a-z]+|\"([ !a-z]|\\\\[\"a-z])*\"))?){0,2}"), 0..4),
            trailers in "([A-Z][a-z]*: ?[!-~]{0,5}\r\n){0,2}",
            behind in "[ -~\r\n]{0,5}",
            changed in prop::option::of((any::<prop::sample::Index>(), prop::sample::select(&b"0a;=\"\\x: \r\n"[..]))),
        ) {
            let mut body: Vec<u8> = Vec::new();
            for (data, extensions) in &chunks {
                body.extend(format!("{:x}{extensions}\r\n{data}\r\n", data.len()).as_bytes());
            }
            body.extend(format!("0\r\n{trailers}\r\n").as_bytes());
            let end = body.len();
            body.extend(behind.as_bytes());
            match changed {
                Some((at, byte)) => body[at.index(end)] = byte,
                None => prop_assert_eq!(whole(&body), Ok(Some(end))),
            }
            prop_assert_eq!(whole(&body), in_bytes(&body));
        }
    }
}
