//! Whether a request is sent once more. Doubt is a no: what an origin may have begun to do is not done twice, and what it
//! refuses for overload is not asked for again.

use std::time::Duration;

use config::model::Retry;

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There was no connection: nothing was sent.
    NoConnection,
    /// The connection broke, or what came over it was no answer.
    Broken,
    /// The answer did not begin in time.
    TimedOut,
    /// It was answered with this status.
    Status(u16),
}

impl Failure {
    /// The `reason` labels in metrics.
    pub(crate) const LABELS: [&'static str; 4] = ["connect", "broken", "timeout", "status"];

    /// Its position among them.
    pub(crate) fn position(self) -> usize {
        match self {
            Self::NoConnection => 0,
            Self::Broken => 1,
            Self::TimedOut => 2,
            Self::Status(_) => 3,
        }
    }

    fn is_named_in(self, retry: &Retry) -> bool {
        match self {
            Self::NoConnection => retry.on_connect,
            Self::Broken => retry.on_broken,
            Self::TimedOut => retry.on_timeout,
            Self::Status(status) => retry.on_status.contains(&status),
        }
    }
}

/// What is known of a request whose try has failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Tries so far.
    pub(crate) tries: usize,
    /// Whether doing it twice does what doing it once does (RFC 9110 s9.2.2), and the edge still has all of it.
    pub(crate) repeatable: bool,
    /// Time until its deadline.
    pub(crate) left: Option<Duration>,
}

/// Why a failure that the pool's rules name is not followed by another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withheld {
    /// There were enough.
    Tries,
    /// It may have had an effect.
    Unsafe,
    /// Nobody would wait for the answer.
    Deadline,
    /// Too many others were sent once more.
    Budget,
}

impl Withheld {
    /// The `reason` labels in metrics, in the order of declaration.
    pub(crate) const LABELS: [&'static str; 4] = ["tries", "unsafe", "deadline", "budget"];
}

/// Whether there is another try, if the budget allows; `None` where the rules do not name the failure.
pub(crate) fn decide(retry: &Retry, failure: Failure, standing: Standing) -> Option<Result<(), Withheld>> {
    if !failure.is_named_in(retry) {
        return None;
    }
    let enough = standing.tries >= usize::try_from(retry.tries).unwrap_or(usize::MAX);
    Some(match failure {
        _ if enough => Err(Withheld::Tries),
        Failure::Broken | Failure::TimedOut | Failure::Status(_) if !standing.repeatable => Err(Withheld::Unsafe),
        _ if standing.left.is_none() => Err(Withheld::Deadline),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use config::model::Percent;

    use super::*;

    fn all() -> Retry {
        Retry {
            tries: 2,
            on_connect: true,
            on_broken: true,
            on_timeout: true,
            on_status: vec![502],
            budget: Percent::from_basis_points(1_000).unwrap(),
        }
    }

    const FIRST: Standing = Standing { tries: 1, repeatable: true, left: Some(Duration::from_secs(1)) };
    const EVERY: [Failure; 4] = [Failure::NoConnection, Failure::Broken, Failure::TimedOut, Failure::Status(502)];

    #[test]
    fn what_was_never_sent_may_be_sent_whatever_it_is() {
        let change = Standing { repeatable: false, ..FIRST };
        let decided = EVERY.map(|failure| decide(&all(), failure, change).unwrap());
        assert_eq!(decided, [Ok(()), Err(Withheld::Unsafe), Err(Withheld::Unsafe), Err(Withheld::Unsafe)]);
    }

    #[test]
    fn tries_and_the_deadline_bound_it() {
        for failure in EVERY {
            assert_eq!(decide(&all(), failure, FIRST), Some(Ok(())));
            assert_eq!(decide(&all(), failure, Standing { tries: 2, ..FIRST }), Some(Err(Withheld::Tries)));
            assert_eq!(decide(&all(), failure, Standing { left: None, ..FIRST }), Some(Err(Withheld::Deadline)));
        }
    }

    #[test]
    fn only_what_is_named_is_tried_again() {
        let none = Retry { on_connect: false, on_broken: false, on_timeout: false, on_status: Vec::new(), ..all() };
        assert!(EVERY.into_iter().all(|failure| decide(&none, failure, FIRST).is_none()));
        assert!(decide(&all(), Failure::Status(503), FIRST).is_none());
    }
}
