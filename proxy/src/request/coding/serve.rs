//! Serves stored answers compressed, in Pingora's own way through the cache.

use config::model::Coding;
use http::header;
use pingora::{
    Result,
    cache::{CacheMeta, HitHandler},
    http::{RequestHeader, ResponseHeader},
    proxy::Session,
};

use super::{accept, describe, is_compressible, is_not_to_be_transformed, number, tell_variance};
use crate::request::{Requests, caching::status::Outcome, context::Context};

impl Requests {
    /// Makes a hit give out the form that its client likes best, if that is made; else sees to it that it will be.
    pub(in crate::request) fn choose_coding(
        &self,
        request: &RequestHeader,
        meta: &CacheMeta,
        hit: &mut HitHandler,
        ctx: &mut Context,
    ) {
        // It may be the second lookup of a request: the first one's object was replaced while it waited.
        ctx.coded = None;
        ctx.has_forms = compresses(ctx) && !ctx.background && is_compressible(meta.response_header());
        if !ctx.has_forms || request.headers.contains_key(header::RANGE) {
            return;
        }
        let ours = ctx.forward().and_then(|forward| forward.model.cache.as_ref()).map(|policy| &policy.compress);
        let Some(coding) = ours.and_then(|ours| accept::choose(&request.headers, ours)) else { return };
        match cache::serve_coded(hit, number(coding)) {
            Some(length) => ctx.coded = Some((coding, length)),
            None => self.edge.compressor.set_off(coding, || cache::to_be_coded(hit, number(coding))),
        }
    }
}

/// Whether the edge compresses what the request asks for: then the origin is asked for it as it is.
pub(crate) fn compresses(ctx: &Context) -> bool {
    let policy = ctx.forward().and_then(|forward| forward.model.cache.as_ref());
    policy.is_some_and(|policy| !policy.compress.is_empty())
}

/// Says in the header of an answer in which form it goes out, where it might have been another.
pub(in crate::request) fn tell(
    session: &mut Session,
    response: &mut ResponseHeader,
    ctx: &mut Context,
    outcome: Outcome,
) -> Result<()> {
    if !compresses(ctx) {
        return Ok(());
    }
    // The form was chosen before the origin confirmed the answer, and said so with it.
    if outcome == Outcome::Revalidated && ctx.coded.is_some() && is_not_to_be_transformed(&response.headers) {
        cache::serve_as_stored(session.cache.hit_handler());
        ctx.coded = None;
    }
    let stored = matches!(outcome, Outcome::Hit | Outcome::Stale | Outcome::Revalidated);
    // Of a confirmation, only what is stored tells what it would be.
    let has_forms = (stored && ctx.has_forms) || is_compressible(response);
    tell_form(response, has_forms, ctx.coded.filter(|_| stored))
}

/// The same for an answer that may have several forms, and the one that was chosen: a coding, and the bytes that the body
/// has in it.
pub(in crate::request) fn tell_form(
    response: &mut ResponseHeader,
    has_forms: bool,
    coded: Option<(Coding, u64)>,
) -> Result<()> {
    if has_forms {
        tell_variance(response)?;
    }
    coded.map_or(Ok(()), |(coding, length)| describe(response, coding, length))
}
