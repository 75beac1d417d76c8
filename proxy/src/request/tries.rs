//! The tries of a request: where each goes, how it ended, and whether there is another.

use std::{net::IpAddr, time::Instant};

use http::HeaderMap;
use pingora::{Error, ErrorSource, ErrorType, Result, upstreams::peer::HttpPeer};

use super::{
    Requests,
    balance::{NoneLeft, Outcome, Try, Wish, affinity, time_limits::Limits},
    context::Context,
    deadline::{self, Deadline},
    identify::{self, Facts},
    refusal::Refusal,
    retry::{self, Failure, Standing, Withheld},
};
use crate::clock;

/// One try that is under way.
pub(crate) struct CurrentTry {
    /// Its place at the endpoint.
    pub(super) place: Try,
    /// Whether it has, of what the configuration gives a try, enough for its end to say something of the endpoint:
    /// the rest of a deadline that others have used up says nothing.
    had_time: bool,
    /// Whether its end was counted.
    counted: bool,
}

/// Until when a request to a pool is to be answered; `peer` sends it.
pub(super) fn deadline(headers: &HeaderMap, peer: IpAddr, ctx: &Context) -> Option<Deadline> {
    let trusted = identify::is_trusted(peer, ctx.snapshot.trust().proxies);
    let told = deadline::told(headers).filter(|_| trusted);
    ctx.forward().map(|forward| Deadline::new(ctx.started, forward.model.deadline, told))
}

impl Requests {
    /// The endpoint of the next try.
    pub(super) fn next_try(&self, ctx: &mut Context, headers: &HeaderMap) -> Result<Box<HttpPeer>> {
        // The place of the try before is free again.
        ctx.current = None;
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
            Err(none_left) => {
                let refusal = refusal(none_left, ctx.last_failure);
                return refused(ctx, refusal);
            }
        };
        let peer = pool.connector.peer(place.endpoint.address, ctx.exchange, left);
        let had_time = left >= pool.model.timeouts.connect / 2;
        if ctx.tried.is_empty() {
            pool.balancer.budget.request();
        }
        ctx.tried.push(place.endpoint.address);
        ctx.current = Some(CurrentTry { place, had_time, counted: false });
        Ok(Box::new(peer))
    }

    /// From here on the endpoint is waited for: the request has come to its end.
    pub(super) fn begin_to_wait(&self, ctx: &mut Context, has_body: bool) {
        let now = clock::instant();
        // How long the client takes to send its body is not the endpoint's.
        if !std::mem::replace(&mut ctx.upload_over, true) && has_body {
            ctx.deadline = ctx.deadline.map(|deadline| deadline.restarted(now));
        }
        let left = ctx.time_left(now).unwrap_or_default();
        let Some((forward, arm)) = ctx.forward().zip(ctx.arm()) else { return };
        let timeouts = &arm.pool.model.timeouts;
        let had_time = left >= timeouts.first_byte.min(forward.model.deadline) / 2;
        let limits = Limits { first_byte: timeouts.first_byte.min(left), header: timeouts.header.min(left) };
        if let Some(current) = &mut ctx.current {
            current.place.sent(clock::nanos());
            current.had_time = had_time;
        }
        if let Some(wait) = &mut ctx.wait {
            wait.begin(limits, now);
        }
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
            arm.pool.metrics.answered(current.place.took(now));
        }
        true
    }

    /// Ends a try for which there was no connection. Whether there is another.
    pub(super) fn not_connected(&self, ctx: &mut Context, error: &Error) -> bool {
        let own = matches!(error.etype(), ErrorType::InternalError | ErrorType::SocketError | ErrorType::BindError);
        let had_time = ctx.current.as_ref().is_some_and(|current| current.had_time);
        // Without a descriptor, or time, nothing was learnt of the endpoint.
        let outcome = if own || !had_time { Outcome::Undecided } else { Outcome::NoConnection };
        self.try_over(ctx, outcome);
        !own && self.goes_on(ctx, Failure::NoConnection, true)
    }

    /// Ends a try that was broken off; `open` if nothing of an answer was sent to the client. Whether there is another.
    pub(super) fn broken_off(&self, ctx: &mut Context, error: &Error, open: bool, repeatable: bool) -> bool {
        let wait = ctx.wait.take();
        let late = wait.as_ref().is_some_and(|wait| wait.is_passed());
        let failure = if late { Some(Failure::TimedOut) } else { failure(error) };
        // Pingora reads while the client still sends, and who pauses then is not told: anybody could.
        let uploading = wait.is_some_and(|wait| !wait.has_begun());
        let had_time = !uploading && ctx.current.as_ref().is_some_and(|current| current.had_time);
        let outcome = match failure {
            Some(Failure::TimedOut) if !had_time => Outcome::Undecided,
            failure => outcome(failure),
        };
        // With half an answer there is nothing to repeat, and it may be in the cache already.
        let open = self.try_over(ctx, outcome) && open && ctx.failure.is_none();
        let again = failure.filter(|_| open).is_some_and(|failure| self.goes_on(ctx, failure, repeatable));
        if failure == Some(Failure::TimedOut) && !again {
            let in_time = ctx.time_left(clock::instant()).is_some();
            ctx.failure.get_or_insert(if in_time { Refusal::OriginTimeout } else { Refusal::DeadlinePassed });
        }
        again
    }

    /// Whether there is another try after this failure; counts it, and takes it from the budget.
    pub(super) fn goes_on(&self, ctx: &mut Context, failure: Failure, repeatable: bool) -> bool {
        let now = clock::instant();
        let allowed = self.allowed(ctx, failure, repeatable, now);
        ctx.last_failure = allowed.then_some(failure);
        allowed
    }

    fn allowed(&self, ctx: &Context, failure: Failure, repeatable: bool, now: Instant) -> bool {
        let Some(pool) = ctx.arm().map(|arm| &arm.pool) else { return false };
        let standing = Standing { tries: ctx.tried.len(), repeatable, left: ctx.time_left(now) };
        let Some(allowed) = retry::decide(&pool.model.retry, failure, standing) else { return false };
        let allowed = allowed.and_then(|()| if pool.balancer.budget.retry() { Ok(()) } else { Err(Withheld::Budget) });
        match allowed {
            Ok(()) => pool.metrics.retried(failure),
            Err(why) => pool.metrics.withheld(why),
        }
        allowed.is_ok()
    }
}

/// How a request ends for which there is no endpoint; one that was asked before has failed, and that is what happened.
fn refusal(none_left: NoneLeft, last: Option<Failure>) -> Refusal {
    match (last, none_left) {
        (Some(Failure::TimedOut), _) => Refusal::OriginTimeout,
        (Some(_), _) => Refusal::OriginFailed,
        (None, NoneLeft::NoEndpoint) => Refusal::NoEndpoint,
        (None, NoneLeft::AllFull) => Refusal::Overloaded,
    }
}

/// Ends a request that no endpoint can be asked for.
fn refused<T>(ctx: &mut Context, refusal: Refusal) -> Result<T> {
    let status = refusal.status();
    ctx.failure.get_or_insert(refusal);
    Err(Error::new_up(ErrorType::HTTPStatus(status)))
}

/// What an error after the connection says of the try; `None` where it is the client's, or the edge's own.
fn failure(error: &Error) -> Option<Failure> {
    match (error.esource(), error.etype()) {
        (ErrorSource::Upstream, ErrorType::ReadTimedout | ErrorType::WriteTimedout) => Some(Failure::TimedOut),
        (ErrorSource::Upstream, _) => Some(Failure::Broken),
        (ErrorSource::Downstream | ErrorSource::Internal | ErrorSource::Unset, _) => None,
    }
}

/// What it says of the endpoint.
fn outcome(failure: Option<Failure>) -> Outcome {
    match failure {
        Some(Failure::NoConnection) => Outcome::NoConnection,
        Some(Failure::Broken) => Outcome::Broken,
        Some(Failure::TimedOut) => Outcome::TimedOut,
        Some(Failure::Status(status)) => Outcome::Answered(status),
        None => Outcome::Undecided,
    }
}
