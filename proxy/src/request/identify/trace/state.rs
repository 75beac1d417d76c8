//! `tracestate` (W3C Trace Context s3.3): `key=value` of one tracing system after the other, bounded.

use std::collections::HashSet;

use http::HeaderMap;

/// More members are an error (s3.3.1.1).
const MEMBERS_MAX: usize = 32;
/// As much is carried along by everybody (s3.3.1.5), and no more by us.
const LENGTH_MAX: usize = 512;
/// Where it is too long in all, longer members go first.
const LONG_MEMBER: usize = 128;

/// What is sent on of all lines as one list; `None` if there is nothing, or something that is not well-formed: then all
/// of it is dropped, and the trace goes on without.
pub(super) fn of(headers: &HeaderMap) -> Option<String> {
    let mut members = Vec::new();
    let mut keys = HashSet::new();
    for line in headers.get_all("tracestate") {
        for member in line.to_str().ok()?.split(',').map(|member| member.trim_matches([' ', '\t'])) {
            if member.is_empty() {
                continue;
            }
            let (key, value) = member.split_once('=')?;
            if members.len() == MEMBERS_MAX || !is_key(key) || !is_value(value) || !keys.insert(key) {
                return None;
            }
            members.push(member);
        }
    }
    cut(&mut members);
    (!members.is_empty()).then(|| members.join(","))
}

/// Whole members fall away until it fits: the long ones, then the oldest, which stand at the end (s3.3.1.5).
fn cut(members: &mut Vec<&str>) {
    let length = |members: &[&str]| members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1);
    while length(members) > LENGTH_MAX {
        let last_long = members.iter().rposition(|member| member.len() > LONG_MEMBER);
        members.remove(last_long.unwrap_or(members.len() - 1));
    }
}

/// s3.3.1.3.1, in the simpler form of Level 2, which takes all that Level 1 does.
fn is_key(key: &str) -> bool {
    let begins = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    key.len() <= 256 && key.starts_with(begins) && key.chars().all(|c| begins(c) || "_-*/@".contains(c))
}

/// s3.3.1.3.2; the end has been trimmed.
fn is_value(value: &str) -> bool {
    (1..=256).contains(&value.len()) && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}
