//! The edge: reverse proxy, load balancer and cache for peak-sale days. A library for the sake of its benches; the
//! program is `edge`.

mod clock;
pub mod cli;
mod control;
mod snapshot;
mod edge;
mod listen;
mod request;
mod telemetry;
#[cfg(fuzzing)]
pub mod fuzzing;

/// Which request takes which route.
pub mod routing {
    pub use crate::request::route::{Asked, Candidate, Found, Router, Verdict};
}

/// Which endpoint of a pool gets the next try.
pub mod balancing {
    pub use crate::request::balance::{
        Balancer, ByHand, Endpoint, Hand, Member, NoneLeft, Outcome, Report, RetryBudget, Row, Standing, Try,
        UnknownEndpoint, Verdict, Wish, hash::key,
    };
}
