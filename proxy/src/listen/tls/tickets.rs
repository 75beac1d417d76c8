//! Session tickets: a client that comes back shows one and is spared the full handshake, at whichever edge has the keys.
//!
//! A ticket is opaque to clients (RFC 8446 s4.6.1, RFC 5077 s4). Ours, whose length is the only thing a client sees:
//!
//! | bytes   | what                                                                       |
//! |---------|----------------------------------------------------------------------------|
//! | 0..16   | name of the key                                                            |
//! | 16..48  | salt, random                                                               |
//! | 48..n-16| sealed: time of issue, seconds since 1970 (u64, big endian), then the session as rustls wrote it |
//! | n-16..n | tag                                                                        |
//!
//! Sealed with AES-256-GCM under a key of its own, derived from the named key, the scope and the salt (HKDF-Expand with
//! SHA-256, RFC 5869 s2.3). So no nonce is ever used twice with one key, however many edges seal with one shared key:
//! random nonces under a single key would be good for 2^32 tickets (NIST SP 800-38D s8.3), which a fleet issues in days.
//!
//! Each handshake hands out new tickets. In TLS 1.3 these are of a new secret; in TLS 1.2 a resumed session gets one for the
//! secret that it has, so that there the lifetime counts from the last visit (RFC 5077 s3.3).

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, UNIX_EPOCH},
};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hkdf,
    rand::{SecureRandom, SystemRandom},
};
use rustls::server::ProducesTickets;
use sha2::{Digest, Sha256};

use crate::clock;

mod session;

/// How long a ticket is good: long enough for a visitor to come back the same day, and short enough that a stolen key
/// opens no more than half a day of recorded TLS 1.2 traffic. RFC 8446 allows a week.
pub(crate) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// How long an own key seals; it then opens until the last of its tickets has ended.
const ROTATE: Duration = Duration::from_secs(6 * 60 * 60);
/// How long a new shared key opens before it seals, so that every edge has it before the first ticket comes back.
pub(crate) const SETTLE: Duration = Duration::from_secs(5 * 60);
/// Longer than a session with a client's certificate chain; more is neither issued nor looked at.
const TICKET_MAX: usize = 16 * 1024;

const NAME: usize = 16;
const SALT: usize = 32;
const TIME: usize = 8;
/// Bytes of a key: its name, and 32 or 64 secret ones. nginx takes files of these lengths, too.
pub(crate) const KEY_LENGTHS: [usize; 2] = [48, 80];

/// A key that tickets are sealed with.
pub(crate) struct Key {
    name: [u8; NAME],
    secret: hkdf::Prk,
    /// Tells it from others without being it.
    digest: [u8; 32],
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(not shown)")
    }
}

impl Key {
    /// `None` unless there are as many bytes as [`KEY_LENGTHS`] says.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let (name, secret) = bytes.split_first_chunk().filter(|_| KEY_LENGTHS.contains(&bytes.len()))?;
        let digest = Sha256::digest(bytes).into();
        Some(Self { name: *name, secret: hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret), digest })
    }

    /// `None` if the system has no random bytes to give.
    fn random() -> Option<Self> {
        let mut bytes = [0; KEY_LENGTHS[1]];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Self::new(&bytes)
    }

    fn of_ticket(&self, scope: &Scope, salt: &[u8]) -> Option<LessSafeKey> {
        let info = [b"floodgate session ticket 1".as_slice(), &scope.0, salt];
        let key = self.secret.expand(&info, &AES_256_GCM).ok()?;
        Some(LessSafeKey::new(UnboundKey::from(key)))
    }
}

/// A key that other edges may have, too.
#[derive(Debug)]
pub(crate) struct SharedKey {
    pub(crate) key: Key,
    /// When its file came to be what and where it is, in seconds since 1970.
    pub(crate) since_s: u64,
}

/// What a session may be resumed within. A resumed session brings along who the client was found to be, so it must not
/// pass from where nobody was asked, or other authorities vouched (CVE-2025-23419).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope(pub(crate) [u8; 32]);

/// Keys, of this edge alone or shared with others through files. Outlives reloads.
#[derive(Debug)]
pub(crate) struct Tickets {
    rotates: bool,
    ring: RwLock<Vec<Held>>,
}

/// A key, and from when on it seals, in seconds since 1970.
#[derive(Clone, Debug)]
struct Held {
    key: Arc<Key>,
    seals_from_s: u64,
}

impl Tickets {
    /// Keys that this edge makes for itself, and makes anew every [`ROTATE`].
    pub(crate) fn own() -> Self {
        Self { rotates: true, ring: RwLock::default() }
    }

    /// Keys out of files, the newest first. One that `previous` does not know seals [`SETTLE`] after its file has come
    /// here, which is no later than `now_s`.
    pub(crate) fn shared(keys: Vec<SharedKey>, previous: Option<&Self>, now_s: u64) -> Self {
        let known = previous.filter(|previous| !previous.rotates).map(Self::held).unwrap_or_default();
        let hold = |SharedKey { key, since_s }| {
            let before = known.iter().find(|held| held.key.digest == key.digest);
            let settled_s = since_s.min(now_s) + SETTLE.as_secs();
            Held { seals_from_s: before.map_or(settled_s, |held| held.seals_from_s), key: Arc::new(key) }
        };
        Self { rotates: false, ring: RwLock::new(keys.into_iter().map(hold).collect()) }
    }

    /// Whether these are the keys of this edge alone.
    pub(crate) fn are_own(&self) -> bool {
        self.rotates
    }

    fn held(&self) -> Vec<Held> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key that seals now: the newest that may, or else the one that may next.
    fn sealing(&self, now_s: u64) -> Option<Arc<Key>> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        let due = ring.iter().find(|held| held.seals_from_s <= now_s);
        if self.rotates && due.is_none_or(|held| held.seals_from_s + ROTATE.as_secs() <= now_s) {
            drop(ring);
            return self.rotate(now_s);
        }
        // Of those that came together, every edge has the oldest first.
        let due = due.or_else(|| ring.iter().rev().min_by_key(|held| held.seals_from_s));
        due.map(|held| Arc::clone(&held.key))
    }

    fn rotate(&self, now_s: u64) -> Option<Arc<Key>> {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been quicker.
        if let Some(newest) = ring.first().filter(|held| now_s < held.seals_from_s + ROTATE.as_secs()) {
            return Some(Arc::clone(&newest.key));
        }
        let key = Arc::new(Key::random()?);
        ring.retain(|held| now_s < held.seals_from_s + (ROTATE + LIFETIME).as_secs());
        ring.insert(0, Held { key: Arc::clone(&key), seals_from_s: now_s });
        Some(key)
    }

    /// A ticket for a session.
    fn seal(&self, scope: &Scope, session: &[u8], now_s: u64) -> Option<Vec<u8>> {
        let key = self.sealing(now_s)?;
        let mut salt = [0; SALT];
        SystemRandom::new().fill(&mut salt).ok()?;
        let mut ticket = [&key.name[..], &salt, &now_s.to_be_bytes(), session].concat();
        let sealed = &mut ticket[NAME + SALT..];
        let sealing = key.of_ticket(scope, &salt)?;
        let tag = sealing.seal_in_place_separate_tag(only_nonce(), Aad::from(key.name), sealed).ok()?;
        ticket.extend_from_slice(tag.as_ref());
        (ticket.len() <= TICKET_MAX).then_some(ticket)
    }

    /// The session of a ticket, which may be anything at all; `None` if it is none of ours, or too old.
    fn open(&self, scope: &Scope, ticket: &[u8], now_s: u64) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_at_checked(NAME).filter(|_| ticket.len() <= TICKET_MAX)?;
        let (salt, sealed) = rest.split_at_checked(SALT)?;
        let keys = self.held();
        keys.iter().filter(|held| held.key.name == name).find_map(|Held { key, .. }| {
            let mut sealed = sealed.to_vec();
            let opening = key.of_ticket(scope, salt)?;
            let opened = opening.open_in_place(only_nonce(), Aad::from(key.name), &mut sealed).ok()?;
            let (issued, session) = opened.split_first_chunk::<TIME>()?;
            let age_s = now_s.saturating_sub(u64::from_be_bytes(*issued));
            (age_s <= LIFETIME.as_secs()).then(|| session.to_vec())
        })
    }
}

/// Each key seals one ticket.
fn only_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// Issues and takes the tickets of one listener.
#[derive(Debug)]
pub(crate) struct Ticketer {
    pub(crate) tickets: Arc<Tickets>,
    pub(crate) scope: Scope,
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(LIFETIME.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.tickets.seal(&self.scope, plain, now_s())
    }

    /// `None` leads to a full handshake, so that a client whose certificate has expired since can show another.
    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let now_s = now_s();
        self.tickets.open(&self.scope, cipher, now_s).filter(|session| session::proof_holds(session, now_s))
    }
}

/// Seconds since 1970.
pub(crate) fn now_s() -> u64 {
    clock::wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
