//! Objects whose every byte says which object and version it is of, so that no wrong answer can look like a right one.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

/// Lengths, in turn: mostly small, some of several pieces, a few large.
const LENGTHS: [usize; 8] = [100, 700, 4 << 10, 1 << 10, 30 << 10, 200 << 10, 2 << 10, 1 << 20];
/// Objects that are purged together.
pub(super) const TAGS: usize = 50;

/// All objects, and how new an answer must at least be.
pub(super) struct Objects {
    /// What the origin answers with now.
    current: Vec<AtomicU64>,
    /// What nobody may get anything older than: a purge has said so.
    least: Vec<AtomicU64>,
}

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It is of another object, or of several versions, or of none.
    Content,
    /// It is shorter or longer than it says, or than it must be.
    Torn,
    /// It was purged before the request began.
    Purged,
}

impl Objects {
    pub(super) fn new(count: usize) -> Self {
        let first = || (0..count).map(|_| AtomicU64::new(1)).collect();
        Self { current: first(), least: first() }
    }

    pub(super) fn count(&self) -> usize {
        self.current.len()
    }

    /// What the origin answers with.
    pub(super) fn answer(&self, number: usize) -> (u64, Bytes) {
        let version = self.current[number].load(Ordering::SeqCst);
        (version, body(number, version))
    }

    /// How new an answer to a request that begins now must be.
    pub(super) fn least(&self, number: usize) -> u64 {
        self.least[number].load(Ordering::SeqCst)
    }

    /// The origin has something newer for all objects of a tag; says what.
    pub(super) fn renew(&self, tag: usize) -> Vec<(usize, u64)> {
        let of_tag = (tag..self.count()).step_by(TAGS);
        of_tag.map(|number| (number, self.current[number].fetch_add(1, Ordering::SeqCst) + 1)).collect()
    }

    /// What was renewed has been purged.
    pub(super) fn purged(&self, renewed: &[(usize, u64)]) {
        for (number, version) in renewed {
            self.least[*number].fetch_max(*version, Ordering::SeqCst);
        }
    }

    /// All of an object in a version.
    pub(super) fn whole(number: usize, version: u64) -> Bytes {
        body(number, version)
    }

    /// Judges an answer to a request that began when `least` was the oldest version allowed.
    pub(super) fn judge(number: usize, least: u64, said: Option<u64>, body: &[u8]) -> Result<(), Wrong> {
        let version = said.ok_or(Wrong::Content)?;
        if body.len() != length(number) {
            return Err(Wrong::Torn);
        }
        if !is_of(number, version, body) {
            return Err(Wrong::Content);
        }
        if version < least { Err(Wrong::Purged) } else { Ok(()) }
    }
}

/// `t7`: what an object is purged by.
pub(super) fn tag(number: usize) -> String {
    format!("t{}", number % TAGS)
}

fn length(number: usize) -> usize {
    LENGTHS[number % LENGTHS.len()]
}

/// Eight bytes again and again, which differ by object, version and place.
fn word(number: usize, version: u64, at: usize) -> [u8; 8] {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ version.wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    (mixed ^ (at as u64).wrapping_mul(0x1656_67b1_9e37_79f9)).to_le_bytes()
}

fn body(number: usize, version: u64) -> Bytes {
    let length = length(number);
    let mut body = Vec::with_capacity(length + 8);
    for at in 0..length.div_ceil(8) {
        body.extend_from_slice(&word(number, version, at));
    }
    body.truncate(length);
    Bytes::from(body)
}

fn is_of(number: usize, version: u64, body: &[u8]) -> bool {
    body.chunks(8).enumerate().all(|(at, chunk)| word(number, version, at).starts_with(chunk))
}
