//! Secrets: read from where the configuration says that they stand, and never shown.

use std::{fmt, io};

use config::model::{ByteSize, Secret};
use http::HeaderValue;
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::file;

/// Fewer characters could be guessed: 16 of hexadecimal digits are 64 bits.
const LENGTH_MIN: usize = 16;
/// Longer than any token that somebody makes.
const LENGTH_MAX: usize = 4096;
/// Leaves room for white space around the token.
const FILE_MAX: ByteSize = ByteSize(8 << 10);

/// Why a secret cannot be used. What was read is never part of it.
#[derive(Debug, Error)]
pub(crate) enum SecretError {
    /// The process was started without it.
    #[error("the environment variable `{name}` of {key} is not set; hint: set it where the edge is started")]
    NotSet { key: &'static str, name: String },
    /// The file is not there, or not ours to read.
    #[error("cannot read the file of {key}")]
    Unreadable {
        key: &'static str,
        #[source]
        cause: io::Error,
    },
    /// It could be guessed.
    #[error(
        "the secret in `{place}` of {key} has {length} characters, and {LENGTH_MIN} are the least; \
         hint: `openssl rand -hex 32` makes a good one"
    )]
    TooShort { key: &'static str, place: Secret, length: usize },
    /// No header field could carry it.
    #[error(
        "the secret in `{place}` of {key} is no token; hint: up to {LENGTH_MAX} visible ASCII characters in one line"
    )]
    NotSendable { key: &'static str, place: Secret },
}

/// A secret that clients show to be let in.
pub(crate) struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(not shown)")
    }
}

impl Token {
    /// Reads the token of `key`, which is how messages call it. White space around it, such as the last line break of a
    /// file, does not belong to it.
    pub(crate) fn read(key: &'static str, place: &Secret) -> Result<Self, SecretError> {
        let text = match place {
            Secret::Env(name) => variable(name).ok_or_else(|| SecretError::NotSet { key, name: name.clone() })?.into(),
            Secret::File(path) => file::read(path, FILE_MAX).map_err(|cause| SecretError::Unreadable { key, cause })?,
        };
        let text = text.trim_ascii();
        if text.len() < LENGTH_MIN {
            return Err(SecretError::TooShort { key, place: place.clone(), length: text.len() });
        }
        let token = str::from_utf8(text).ok().filter(|text| text.bytes().all(|b| b.is_ascii_graphic()));
        let token = token.filter(|token| token.len() <= LENGTH_MAX);
        token.map(|token| Self(token.to_owned())).ok_or_else(|| SecretError::NotSendable { key, place: place.clone() })
    }

    /// For what is signed with it.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// For the header field of a request, which is never printed either.
    pub(crate) fn bearer(&self) -> HeaderValue {
        let field = HeaderValue::from_str(&format!("Bearer {}", self.0));
        let mut field = field.expect("a token is visible ASCII");
        field.set_sensitive(true);
        field
    }

    /// Whether this is what was offered. How long the answer takes tells nothing but the length.
    pub(crate) fn is(&self, offered: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(offered).into()
    }
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "this is the rim where the environment is read")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<Token, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, content).unwrap();
        Token::read("`admin.token`", &Secret::File(file)).map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_whole_token_is_let_in() {
        let token = read(b"0123456789abcdef\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for wrong in [&b""[..], b"0123456789abcde", b"0123456789abcdeF", b"0123456789abcdef0", b"0123456789abcdef\n"] {
            assert!(!token.is(wrong));
        }
        assert!(!format!("{token:?}").contains("0123"));
    }

    #[test]
    fn what_could_be_guessed_or_not_be_sent_is_refused_and_not_repeated() {
        for (content, says) in [
            (&b""[..], "has 0 characters"),
            (b"\n \n", "has 0 characters"),
            (b"opensesame", "has 10 characters"),
            (b"open sesame open sesame", "is no token"),
            (&[b'x'; 5000], "is no token"),
            (&[b'x'; 9000], "cannot read"),
            (&[0xff; 20], "is no token"),
        ] {
            let said = read(content).unwrap_err();
            assert!(said.contains(says) && !said.contains("sesame"), "{said}");
        }
        let missing = Token::read("`admin.token`", &Secret::Env("NO_SUCH_VARIABLE_0".to_owned())).unwrap_err();
        assert!(missing.to_string().contains("`NO_SUCH_VARIABLE_0` of `admin.token` is not set"), "{missing}");
    }
}
