//! What is written to the client: the edge's own answers, and what it adds to those of others.

use std::time::Duration;

use bytes::Bytes;
use http::header;
use pingora::{Error, ErrorType, Result, http::ResponseHeader, proxy::Session};

use super::{
    DRAIN_MAX, Requests, balance::affinity, caching::status::Outcome, context::Context, exchange, files, identify,
    refusal::Refusal, respond, split::Split, template,
};
use crate::{
    clock,
    listen::connection::Connection,
    snapshot::{Action, Route},
};

/// A body that nobody wants is read up to this length before the answer, so that the connection can serve the next
/// request: closing it would cost the client a handshake, and that just when many are refused.
const UNWANTED_BODY_MAX: u64 = 64 * 1024;
/// And for so long: a client that announces a body and sends none must not hold a refusal up.
const UNWANTED_BODY_WAIT: Duration = Duration::from_millis(100);

/// The body of an answer of the edge's own.
pub(super) enum Body {
    Whole(Bytes),
    File(files::Reader),
}

impl Requests {
    /// Answers with a refusal.
    pub(super) async fn refuse(&self, session: &mut Session, ctx: &mut Context, refusal: Refusal) -> Result<()> {
        if refusal.closes_connection() {
            session.set_keepalive(None);
        }
        let accept = session.req_header().headers.get(header::ACCEPT).map(|accept| accept.as_bytes());
        let (header, body) = respond::refusal(&refusal, accept, &ctx.id, rand::random())?;
        ctx.refusal = Some(refusal);
        self.answer(session, ctx, header, Body::Whole(body)).await
    }

    /// Answers with what a route to files finds for the request.
    pub(super) async fn answer_with_file(
        &self,
        session: &mut Session,
        ctx: &mut Context,
        action: &Action,
    ) -> Result<()> {
        let (Action::Files(folder), Some(facts), Some(route)) = (action, &ctx.facts, &ctx.route) else {
            return Error::e_explain(ErrorType::InternalError, "a request for a file has a route to files");
        };
        let below = route.model.paths.get(ctx.pattern).map_or(0, |path| path.segments.len().saturating_sub(1));
        let below = template::rest(&facts.path, below);
        let (path, query) = (facts.path.as_str(), facts.query.as_deref());
        match files::find(&files::Wanted {
            folder,
            below,
            path,
            query,
            request: session.req_header(),
            now: clock::wall(),
        })
        .await
        {
            Ok((mut header, part)) => {
                header.insert_header("x-request-id", &ctx.id)?;
                self.answer(session, ctx, header, part.map_or(Body::Whole(Bytes::new()), Body::File)).await
            }
            Err(refusal) => self.refuse(session, ctx, refusal).await,
        }
    }

    /// Writes an answer of the edge's own.
    pub(super) async fn answer(
        &self,
        session: &mut Session,
        ctx: &Context,
        mut header: ResponseHeader,
        body: Body,
    ) -> Result<()> {
        complete(&mut header, ctx)?;
        close_if_leaving(session);
        let request = &session.req_header().headers;
        let small = identify::content_length(request).is_some_and(|length| length <= UNWANTED_BODY_MAX);
        if small && session.get_keepalive().is_some() && !request.contains_key(header::EXPECT) {
            // What does not come in time is not waited for: Pingora then closes the connection behind the answer.
            tokio::time::timeout(UNWANTED_BODY_WAIT, session.drain_request_body()).await.ok();
        }
        let head = session.req_header().method == http::Method::HEAD;
        session.write_response_header(Box::new(header), head).await?;
        match body {
            _ if head => {}
            Body::Whole(bytes) => session.write_response_body(Some(bytes), true).await?,
            Body::File(mut part) => {
                let failed = |cause| Error::because(ErrorType::FileReadError, "while answering with a file", cause);
                while let Some(chunk) = part.next().await.map_err(failed)? {
                    session.write_response_body(Some(chunk), false).await?;
                }
                session.write_response_body(None, true).await?;
            }
        }
        Ok(())
    }
}

/// What a route wants of every answer, whoever gave it. It comes last and is never stored.
pub(super) fn complete(response: &mut ResponseHeader, ctx: &Context) -> Result<()> {
    if let Some(route) = ctx.route.as_deref() {
        complete_for_all(response, route)?;
    }
    // After the rules: one that takes away the origin's cookies does not mean these, or the client would be sent
    // elsewhere each time. A client that got no answer must not stay with those who fail.
    if ctx.refusal.is_some() || response.status.is_server_error() {
        return Ok(());
    }
    for cookie in [cookie_of_split(ctx), cookie_of_endpoint(ctx)].into_iter().flatten() {
        response.append_header(header::SET_COOKIE, cookie)?;
        // A cache in front would give one client's cookie to all.
        response.insert_header(header::CACHE_CONTROL, "private, no-store")?;
        response.remove_header("cdn-cache-control");
    }
    Ok(())
}

/// What is the same for every request of a route.
pub(super) fn complete_for_all(response: &mut ResponseHeader, route: &Route) -> Result<()> {
    route.response_headers.change_response(response)?;
    let Action::Forward(forward) = &route.action else { return Ok(()) };
    if let Some(field) = forward.split.as_ref().and_then(Split::told_by) {
        response.append_header(header::VARY, field)?;
    }
    Ok(())
}

fn cookie_of_split(ctx: &Context) -> Option<String> {
    ctx.forward()?.split.as_ref()?.cookie(ctx.choice, ctx.facts.as_ref()?.secure)
}

/// Not for an answer that others get too: a client without the cookie gets it with the next one of its own.
fn cookie_of_endpoint(ctx: &Context) -> Option<String> {
    let pool = &ctx.arm()?.pool;
    let (sticky, place) = (pool.model.sticky.as_ref()?, &ctx.current.as_ref()?.place);
    let own = matches!(ctx.outcome?, Outcome::Off | Outcome::Bypass | Outcome::Uncacheable);
    if !own || place.kept {
        return None;
    }
    let token = pool.balancer.token(&place.endpoint)?;
    Some(affinity::set_cookie(sticky, &token, ctx.facts.as_ref()?.secure))
}

/// The header of the answer that the client has; `None` while it has at most the announcement of one.
pub(super) fn answered(session: &Session) -> Option<&ResponseHeader> {
    session.response_written().filter(|response| exchange::is_final(response.status))
}

/// After the answer, a body is read only to be thrown away, so that the answer is not lost to a reset. A client that
/// keeps it back, as one does that was told `417`, must not hold a place in the pool meanwhile.
pub(super) fn wait_no_longer_for_the_body(session: &mut Session) {
    if !session.is_body_done() {
        session.set_read_timeout(Some(DRAIN_MAX));
    }
}

/// Passes an interim answer on at once.
pub(super) async fn pass_on_interim(session: &mut Session, interim: &mut ResponseHeader, ctx: &Context) {
    respond::strip_hop_by_hop(interim);
    interim.remove_header(&header::CONNECTION);
    let request = session.req_header();
    if ctx.background || !exchange::is_ours_to_pass_on(interim.status, request.version, &request.headers) {
        return;
    }
    session.set_ignore_info_resp(false);
    if let Err(error) = session.write_response_header_ref(interim, false).await {
        tracing::debug!(%error, "the client left before its answer");
    }
    session.set_ignore_info_resp(true);
}

/// Keeps an origin's `Date` on HTTP/1, where Pingora writes the time of its own over it (0.9.1, `v1/server.rs`).
pub(super) fn keep_date(session: &Session, response: &ResponseHeader) {
    let date = response.headers.get(header::DATE).filter(|_| session.as_http1().is_some());
    if let (Some(date), Some(connection)) = (date, Connection::of(session)) {
        connection.notes.keep_date(date.clone());
    }
}

/// Lets an answer say that the connection ends with it, where the edge is leaving.
pub(super) fn close_if_leaving(session: &mut Session) {
    if Connection::of(session).is_some_and(|connection| connection.is_closing()) {
        session.set_keepalive(None);
    }
}
