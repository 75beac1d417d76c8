//! Sessions: 128 random bits in a cookie, and what they stand for in the key-value store.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::api::Member;
use crate::backing::secret::{hex, token};

/// Where sessions are kept in the key-value store.
pub(super) const SPACE: &str = "session";
/// How long a session lives after it was last used.
pub(super) const LIFE: Duration = Duration::from_secs(14 * 24 * 3600);
/// A session is extended when it has this much left, so that not every request writes.
pub(super) const EXTEND_BELOW: Duration = Duration::from_secs(13 * 24 * 3600);

const SID_BYTES: usize = 16;

/// What a browser holds: whoever has it is logged in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sid(String);

impl Sid {
    pub(super) fn random() -> Sid {
        Sid(token::<SID_BYTES>())
    }

    /// From a cookie; nothing else than 128 bits in lower-case hex is one.
    pub(crate) fn parse(text: &str) -> Option<Sid> {
        let well_formed = text.len() == SID_BYTES * 2 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        well_formed.then(|| Sid(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The name it is stored under: who reads the store cannot make a cookie of it.
    pub(super) fn stored_name(&self) -> String {
        hex(&Sha256::digest(&self.0)[..SID_BYTES])
    }
}

/// What a session stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) member: Option<Member>,
    /// The session's name while its holder was not logged in, by which a cart was filled.
    pub(super) guest: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_parsed_strictly_and_not_stored() {
        let sid = Sid::random();
        assert!(Sid::parse(sid.as_str()) == Some(sid.clone()));
        assert!(Sid::random() != sid);
        assert!(!sid.stored_name().contains(sid.as_str()));
        for foreign in ["", "0", &"g".repeat(32), &"A".repeat(32), &"0".repeat(33)] {
            assert!(Sid::parse(foreign).is_none(), "{foreign}");
        }
    }
}
