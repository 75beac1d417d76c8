//! What other subsystems may ask about who is asking.

use serde::{Deserialize, Serialize};

use super::password::{Crowded, PasswordPool};
use super::rules::{Email, Registration, could_be_password};
use super::session::{self, Record};
use super::store;
use crate::backing::db::{Db, Fault};
use crate::backing::kv::Kv;
use crate::clock::Timestamp;

pub(crate) use super::rules::{PASSWORD_CHARS_MIN, local_path};
pub(crate) use super::session::Sid;

pub(crate) type MemberId = i64;

/// The accounts and sessions of this process.
#[derive(Clone)]
pub(crate) struct Membership {
    db: Db,
    kv: Kv,
    passwords: PasswordPool,
}

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// Who is behind a request: nobody known, a guest with a session, or a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Visitor {
    pub(crate) member: Option<Member>,
    /// Under which name things of a guest are kept; a member's session still has it when it began as a guest's.
    pub(crate) guest: Option<String>,
}

/// Why somebody could not register or log in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EntryError {
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Crowded(#[from] Crowded),
    #[error("some fields cannot be accepted")]
    Invalid(Vec<(&'static str, String)>),
    #[error("this address has an account already")]
    Taken,
    #[error("no account has this address and password")]
    WrongCredentials,
}

impl Membership {
    pub(crate) fn new(db: Db, kv: Kv) -> Membership {
        Membership { db, kv, passwords: PasswordPool::new() }
    }

    /// Opens an account.
    pub(crate) async fn register(
        &self,
        name: &str,
        email: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<Member, EntryError> {
        let Registration { name, email, password } =
            Registration::parse(name, email, password).map_err(EntryError::Invalid)?;
        let hash = self.passwords.hash(password).await?;
        let hash = hash.ok_or_else(|| Fault::Corrupt("the password could not be hashed".to_owned()))?;
        self.db
            .write(move |tx| {
                let id = store::register(tx, &email, &name, &hash, now)?.ok_or(EntryError::Taken)?;
                Ok(Member { id, name, email: email.as_str().to_owned() })
            })
            .await
    }

    /// Checks an address and its password.
    pub(crate) async fn authenticate(&self, email: &str, password: &str) -> Result<Member, EntryError> {
        let (Some(email), true) = (Email::parse(email), could_be_password(password)) else {
            return Err(EntryError::WrongCredentials);
        };
        let found = self.db.read(move |tx| store::by_email(tx, &email)).await?;
        let (member, hash) = found.unzip();
        match (self.passwords.verify(password.to_owned(), hash).await?, member) {
            (true, Some(member)) => Ok(member),
            _ => Err(EntryError::WrongCredentials),
        }
    }

    /// Begins a session for somebody who has none yet, so that a cart can be kept.
    pub(crate) async fn begin_guest(&self, now: Timestamp) -> Result<(Sid, Visitor), Fault> {
        let sid = Sid::random();
        let record = Record { member: None, guest: Some(sid.stored_name()) };
        self.keep(&sid, &record, now).await?;
        Ok((sid, record.into()))
    }

    /// Begins a session for a member. It has a new id, and the guest's session is over: an id that somebody else has
    /// planted before the login is worth nothing after it.
    pub(crate) async fn begin(&self, member: Member, before: Option<Sid>, now: Timestamp) -> Result<Sid, Fault> {
        let guest = match &before {
            Some(sid) => self.record(sid, now).await?.and_then(|(record, _)| record.guest),
            None => None,
        };
        let sid = Sid::random();
        self.keep(&sid, &Record { member: Some(member), guest }, now).await?;
        if let Some(before) = before {
            self.end(&before).await?;
        }
        Ok(sid)
    }

    /// Ends a session, on every process at once.
    pub(crate) async fn end(&self, sid: &Sid) -> Result<(), Fault> {
        self.kv.remove(session::SPACE, sid.stored_name()).await
    }

    /// Who holds this session id, and whether the session was just extended.
    pub(crate) async fn visitor(&self, sid: &Sid, now: Timestamp) -> Result<(Visitor, bool), Fault> {
        let Some((record, expires)) = self.record(sid, now).await? else { return Ok((Visitor::default(), false)) };
        let extended = expires < now.plus(session::EXTEND_BELOW)
            && self.kv.extend(session::SPACE, sid.stored_name(), now, session::LIFE).await?;
        Ok((record.into(), extended))
    }

    async fn record(&self, sid: &Sid, now: Timestamp) -> Result<Option<(Record, Timestamp)>, Fault> {
        let Some(entry) = self.kv.get(session::SPACE, sid.stored_name(), now).await? else { return Ok(None) };
        let record = serde_json::from_str(&entry.value)?;
        Ok(Some((record, entry.expires)))
    }

    async fn keep(&self, sid: &Sid, record: &Record, now: Timestamp) -> Result<(), Fault> {
        let value = serde_json::to_string(record)?;
        self.kv.put(session::SPACE, sid.stored_name(), value, now, session::LIFE).await
    }
}

impl From<Record> for Visitor {
    fn from(record: Record) -> Visitor {
        Visitor { member: record.member, guest: record.guest }
    }
}
