//! Sends when due and never waits for an answer: one worker thread does everything that is timed.
//!
//! The thread runs a runtime of its own, so that nothing else, the progress line for one, can make a request late.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

mod alarm;
mod tls;
mod connector;
mod pool;
mod preflight;
mod check;
mod journal;
mod effort;
mod session;
mod worker;

pub(crate) use connector::{Connector, Protocol};
pub(crate) use effort::Effort;
pub(crate) use journal::Journal;
pub(crate) use preflight::preflight;

use crate::arrival::Arrivals;
use crate::measure::{Interval, Measured};
use crate::scenario::Scenario;

/// What a worker is to do.
pub(crate) struct Assignment {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) connector: Connector,
    pub(crate) protocol: Protocol,
    pub(crate) arrivals: Arrivals,
    pub(crate) duration: Duration,
    pub(crate) connections: usize,
    pub(crate) seed: u64,
    pub(crate) journal: Option<Journal>,
}

/// A look at a run under way.
#[derive(Debug)]
pub(crate) struct Pulse {
    pub(crate) interval: Interval,
    pub(crate) in_flight: usize,
}

/// What came of an assignment.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) measured: Measured,
    /// While visitors arrived; shorter than planned when interrupted.
    pub(crate) effort: Effort,
    pub(crate) interrupted: bool,
    pub(crate) sessions_started: u64,
    pub(crate) sessions_completed: u64,
    pub(crate) in_flight_peak: usize,
    pub(crate) in_flight_max: usize,
    pub(crate) connections_opened: u64,
}

/// How many tasks the runtime polls before it looks at sockets and the alarm again (its default is 61): a burst of
/// answers delays the requests that are due by no more than this.
const EVENT_INTERVAL: u32 = 8;

/// Starts a worker. It ends early when `stop` turns true; `pulses` is closed when it has ended.
pub(crate) fn start(
    assignment: Assignment,
    stop: watch::Receiver<bool>,
    pulses: mpsc::UnboundedSender<Pulse>,
) -> io::Result<JoinHandle<io::Result<Outcome>>> {
    let runtime = runtime::Builder::new_current_thread().enable_all().event_interval(EVENT_INTERVAL).build()?;
    std::thread::Builder::new().name("worker".to_owned()).spawn(move || {
        effort::run_ahead();
        LocalSet::new().block_on(&runtime, worker::work(assignment, stop, pulses))
    })
}
