//! The tries of a request: where each goes, how it ended, and whether there is another.

use std::time::Duration;

use http::HeaderMap;
use pingora::{Error, ErrorSource, ErrorType, Result, upstreams::peer::HttpPeer};

use super::{
    Requests,
    balance::{NoneLeft, Outcome, Try, Wish, affinity},
    context::Context,
    identify::{self, Facts},
    refusal::Refusal,
    retry::{self, Failure, Standing, Withheld},
};
use crate::clock;

/// One try that is under way.
pub(crate) struct CurrentTry {
    /// Its place at the endpoint.
    pub(super) place: Try,
    /// When the endpoint was chosen.
    begun_ns: u64,
    /// Whether its end was counted.
    counted: bool,
}

impl Requests {
    /// The endpoint of the next try.
    pub(super) fn next_try(&self, ctx: &mut Context, headers: &HeaderMap) -> Result<Box<HttpPeer>> {
        let Some(pool) = ctx.arm().map(|arm| &arm.pool) else {
            return Error::e_explain(ErrorType::InternalError, "a forwarded request has a pool");
        };
        let Some(left) = ctx.time_left(clock::instant()) else { return refused(ctx, Refusal::DeadlinePassed) };
        let facts = ctx.facts.as_ref();
        let wish = Wish {
            tried: &ctx.tried,
            key: facts.and_then(|Facts { path, client, .. }| {
                affinity::key(&pool.model.balance, &affinity::Asked { path, client: *client, headers })
            }),
            client: pool.model.sticky.as_ref().and_then(|sticky| identify::cookie(headers, &sticky.cookie)),
            random: rand::random(),
            now: clock::nanos(),
        };
        let place = match pool.balancer.choose(&wish) {
            Ok(place) => place,
            Err(NoneLeft::NoEndpoint) => return refused(ctx, Refusal::NoEndpoint),
            Err(NoneLeft::AllFull) => return refused(ctx, Refusal::Overloaded),
        };
        let peer = pool.connector.peer(place.endpoint.address, ctx.exchange, left);
        let begun_ns = wish.now;
        if ctx.tried.is_empty() {
            pool.balancer.budget.request();
        }
        ctx.tried.push(place.endpoint.address);
        ctx.current = Some(CurrentTry { place, begun_ns, counted: false });
        Ok(Box::new(peer))
    }

    /// Ends the current try, and counts how it went. Whether it had not ended before: a header that has arrived, and then
    /// a body that breaks, is one try, and an answer.
    pub(super) fn try_over(&self, ctx: &mut Context, outcome: Outcome) -> bool {
        let Some(current) = ctx.current.as_mut() else { return false };
        if std::mem::replace(&mut current.counted, true) {
            return false;
        }
        let now = clock::nanos();
        let (Some(current), Some(arm)) = (&ctx.current, ctx.arm()) else { return true };
        arm.pool.balancer.answered(&current.place, outcome, now);
        if matches!(outcome, Outcome::Answered(_)) {
            arm.pool.metrics.answered(Duration::from_nanos(now.saturating_sub(current.begun_ns)));
        }
        true
    }

    /// Whether there is another try after this failure; counts it, and takes it from the budget.
    pub(super) fn goes_on(&self, ctx: &Context, failure: Failure, repeatable: bool) -> bool {
        let Some(pool) = ctx.arm().map(|arm| &arm.pool) else { return false };
        let standing = Standing { tries: ctx.tried.len(), repeatable, left: ctx.time_left(clock::instant()) };
        let Some(allowed) = retry::decide(&pool.model.retry, failure, standing) else { return false };
        let allowed = allowed.and_then(|()| if pool.balancer.budget.retry() { Ok(()) } else { Err(Withheld::Budget) });
        match allowed {
            Ok(()) => pool.metrics.retried(failure.label()),
            Err(why) => pool.metrics.withheld(why.label()),
        }
        allowed.is_ok()
    }
}

/// Ends a request that no endpoint can be asked for.
fn refused<T>(ctx: &mut Context, refusal: Refusal) -> Result<T> {
    let status = refusal.status();
    ctx.failure.get_or_insert(refusal);
    Err(Error::new_up(ErrorType::HTTPStatus(status)))
}

/// What an error after the connection says of the try; `None` where it is the client's, or the edge's own.
pub(super) fn failure(error: &Error) -> Option<Failure> {
    match (error.esource(), error.etype()) {
        (ErrorSource::Upstream, ErrorType::ReadTimedout | ErrorType::WriteTimedout) => Some(Failure::TimedOut),
        (ErrorSource::Upstream, _) => Some(Failure::Broken),
        (ErrorSource::Downstream | ErrorSource::Internal | ErrorSource::Unset, _) => None,
    }
}

/// What it says of the endpoint.
pub(super) fn outcome(failure: Option<Failure>) -> Outcome {
    match failure {
        Some(Failure::NoConnection) => Outcome::NoConnection,
        Some(Failure::Broken) => Outcome::Broken,
        Some(Failure::TimedOut) => Outcome::TimedOut,
        Some(Failure::Status(status)) => Outcome::Answered(status),
        None => Outcome::ClientGone,
    }
}
