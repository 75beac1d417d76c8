//! The session cookie, and who is behind it.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRef, FromRequestParts};
use http::header::{COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::problem::Problem;
use crate::clock;
use crate::membership::api::{Member, Membership, Sid, Visitor};

const COOKIE_NAME: &str = "sid";
/// Beyond the life of a session, and sent again whenever that is extended: the store decides when one ends.
const COOKIE_SECONDS: u32 = 30 * 24 * 3600;

/// A request's visitor. Reading it costs nothing where there is no cookie.
#[derive(Clone, Default)]
pub(crate) struct Visit {
    pub(crate) sid: Option<Sid>,
    pub(crate) visitor: Visitor,
}

impl Visit {
    pub(crate) fn member(&self) -> Option<&Member> {
        self.visitor.member.as_ref()
    }

    /// The visitor with a session, which is begun if there is none: then the cookie must be sent back.
    pub(crate) async fn with_session(
        self,
        membership: &Membership,
        secure: bool,
    ) -> Result<(Visitor, Option<(HeaderName, HeaderValue)>), Problem> {
        if self.visitor.member.is_some() || self.visitor.guest.is_some() {
            return Ok((self.visitor, None));
        }
        let (sid, visitor) = membership.begin_guest(clock::now()).await?;
        Ok((visitor, Some(set_cookie(&sid, secure))))
    }
}

/// Where a request leaves word that its session was extended: its answer must then carry the cookie again.
#[derive(Clone, Default)]
pub(super) struct Renewal(Arc<OnceLock<Sid>>);

impl Renewal {
    /// Sends the cookie again, unless the answer has its own word on it, as that of a logout.
    pub(super) fn stamp(&self, headers: &mut HeaderMap, secure: bool) {
        let renewed = self.0.get().filter(|_| !headers.contains_key(SET_COOKIE));
        headers.extend(renewed.map(|sid| set_cookie(sid, secure)));
    }
}

impl<S> FromRequestParts<S> for Visit
where
    S: Send + Sync,
    Membership: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Visit, Problem> {
        let Some(sid) = sid(&parts.headers) else { return Ok(Visit::default()) };
        let (visitor, extended) = Membership::from_ref(state).visitor(&sid, clock::now()).await?;
        if let (true, Some(renewal)) = (extended, parts.extensions.get::<Renewal>()) {
            renewal.0.get_or_init(|| sid.clone());
        }
        Ok(Visit { sid: Some(sid), visitor })
    }
}

/// A cookie that scripts cannot read, and that other sites' forms do not send along.
pub(crate) fn set_cookie(sid: &Sid, secure: bool) -> (HeaderName, HeaderValue) {
    cookie(sid.as_str(), COOKIE_SECONDS, secure)
}

/// Makes the browser forget it.
pub(crate) fn clear_cookie(secure: bool) -> (HeaderName, HeaderValue) {
    cookie("", 0, secure)
}

fn cookie(value: &str, seconds: u32, secure: bool) -> (HeaderName, HeaderValue) {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{COOKIE_NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    (SET_COOKIE, HeaderValue::from_str(&text).expect("hex digits and plain ASCII"))
}

fn sid(headers: &HeaderMap) -> Option<Sid> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == COOKIE_NAME).then(|| Sid::parse(value))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_found_among_other_cookies() {
        let id = "0123456789abcdef0123456789abcdef";
        let found = |cookies: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_str(cookies).unwrap());
            sid(&headers).map(|sid| sid.as_str().to_owned())
        };
        assert_eq!(found(&format!("a=b; sid={id}; c=d")).as_deref(), Some(id));
        assert_eq!(found(&format!("sid=stale; sid={id}")).as_deref(), Some(id));
        assert_eq!(found("sid"), None);
        assert_eq!(found(&format!("xsid={id}")), None);
    }

    #[test]
    fn the_cookie_is_closed_to_scripts_and_other_sites() {
        let sid = Sid::parse("0123456789abcdef0123456789abcdef").unwrap();
        let text = set_cookie(&sid, true).1.to_str().unwrap().to_owned();
        assert!(text.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{text}");
        assert!(clear_cookie(false).1.to_str().unwrap().starts_with("sid=; Path=/; Max-Age=0;"));
    }
}
