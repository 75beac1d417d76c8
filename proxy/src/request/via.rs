//! `Via` (RFC 9110 s7.6.3): by which intermediaries a message came, and whether it has been here before.

use config::model::{Pool, Protocol};
use http::{HeaderMap, HeaderValue, Version, header};

/// The name by which this edge knows itself again. Its own process has drawn it: edges in front of each other, and those
/// of one fleet, are not taken for a loop.
#[derive(Debug)]
pub(crate) struct Pseudonym {
    name: String,
    /// The member that it adds, for messages that came in HTTP/1.0, 1.1 and 2.
    members: [HeaderValue; 3],
}

impl Pseudonym {
    /// A name of its own.
    pub(crate) fn new(random: u32) -> Self {
        let name = format!("floodgate-{random:08x}");
        let member = |version: &str| HeaderValue::from_str(&format!("{version} {name}")).expect("it is text");
        let members = [member("1.0"), member("1.1"), member("2.0")];
        Self { name, members }
    }

    /// What is added to a message that came in this version.
    pub(crate) fn member(&self, version: Version) -> &HeaderValue {
        let [http10, http11, http2] = &self.members;
        match version {
            Version::HTTP_09 | Version::HTTP_10 => http10,
            Version::HTTP_11 => http11,
            _ => http2,
        }
    }

    /// Whether a request has been here before.
    pub(crate) fn is_in(&self, request: &HeaderMap) -> bool {
        let members =
            request.get_all(header::VIA).into_iter().flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        let by = |member: &[u8]| {
            let mut words = member.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            words.nth(1) == Some(self.name.as_bytes())
        };
        members.into_iter().any(by)
    }
}

/// The version of HTTP in which the answers of a pool come.
pub(crate) fn spoken_by(pool: &Pool) -> Version {
    match pool.protocol {
        Protocol::Http1 => Version::HTTP_11,
        Protocol::H2 => Version::HTTP_2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_knows_itself_and_no_other() {
        let (own, other) = (Pseudonym::new(0x12ab), Pseudonym::new(0x12ac));
        let came_by = |via: &'static str| HeaderMap::from_iter([(header::VIA, HeaderValue::from_static(via))]);
        let request = came_by("1.0 fred, HTTP/1.1 floodgate-000012ab (a comment), 2.0 x");
        assert!(own.is_in(&request) && !other.is_in(&request));
        for via in ["1.1 floodgate", "floodgate-000012ab", "1.1 x (floodgate-000012ab)", "1.1 floodgate-000012ab0"] {
            assert!(!own.is_in(&came_by(via)), "{via}");
        }
        assert_eq!(own.member(Version::HTTP_11), "1.1 floodgate-000012ab");
        assert_eq!(own.member(Version::HTTP_2), "2.0 floodgate-000012ab");
    }
}
