//! One thread that makes load: sends what is due, keeps the counts, and ends when all is answered or given up.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::alarm::Alarm;
use super::effort::{Effort, Reading};
use super::journal::Journal;
use super::pool::Pool;
use super::{Assignment, Outcome, Pulse, session};
use crate::measure::{Failure, Fault, Measured};
use crate::scenario::Scenario;

/// How much longer than the timeout the last requests may take to be settled.
const SETTLING: Duration = Duration::from_secs(1);

/// What all sessions of a thread share.
pub(super) struct Worker {
    pub(super) scenario: Arc<Scenario>,
    pub(super) pool: Pool,
    pub(super) alarm: Alarm,
    pub(super) measured: RefCell<Measured>,
    pub(super) in_flight_max: usize,
    pub(super) seed: u64,
    /// A number that no other run has.
    pub(super) run: u64,
    in_flight: Cell<usize>,
    in_flight_peak: Cell<usize>,
    sessions_started: Cell<u64>,
    sessions_completed: Cell<u64>,
    journal: RefCell<Option<Journal>>,
}

/// A request under way; one that is dropped in the air counts as unfinished.
pub(super) struct Flight<'a> {
    worker: &'a Worker,
    interaction: usize,
    landed: bool,
}

/// Does the whole assignment; a pulse is sent every second.
pub(super) async fn work(
    assignment: Assignment,
    mut stop: watch::Receiver<bool>,
    pulses: mpsc::UnboundedSender<Pulse>,
) -> io::Result<Outcome> {
    let worker = Rc::new(Worker {
        measured: RefCell::new(Measured::new(assignment.scenario.interactions.len())),
        pool: Pool::new(assignment.connector, assignment.protocol, assignment.connections),
        in_flight_max: Pool::exchanges_max(assignment.protocol, assignment.connections),
        scenario: assignment.scenario,
        alarm: Alarm::new()?,
        seed: assignment.seed,
        run: rand::random(),
        in_flight: Cell::new(0),
        in_flight_peak: Cell::new(0),
        sessions_started: Cell::new(0),
        sessions_completed: Cell::new(0),
        journal: RefCell::new(assignment.journal),
    });
    let mut sessions = JoinSet::new();
    let start = Reading::take();
    let arrive = async {
        for (number, due) in (0..).zip(assignment.arrivals) {
            let due = start.at + due;
            tokio::select! {
                biased;
                _ = stop.changed() => return Ok(true),
                woken = worker.alarm.until(due) => woken?,
            }
            worker.sessions_started.set(number + 1);
            sessions.spawn_local(session::visit(worker.clone(), number, due));
            while sessions.try_join_next().is_some() {}
        }
        worker.alarm.until(start.at + assignment.duration).await?;
        io::Result::Ok(false)
    };
    let interrupted = tokio::select! {
        interrupted = arrive => interrupted?,
        error = worker.alarm.run() => return Err(error),
        () = pulse(&worker, &pulses) => false,
    };
    let effort = Effort::between(&start, &Reading::take());
    tokio::select! {
        _ = tokio::time::timeout(worker.scenario.timeout + SETTLING, join_all(&mut sessions)) => {}
        error = worker.alarm.run() => return Err(error),
        () = pulse(&worker, &pulses) => {}
    }
    sessions.shutdown().await;
    worker.outcome(effort, interrupted)
}

async fn join_all(sessions: &mut JoinSet<()>) {
    while sessions.join_next().await.is_some() {}
}

/// Reports every second; never ends.
async fn pulse(worker: &Worker, pulses: &mpsc::UnboundedSender<Pulse>) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.tick().await; // the first is at once
    loop {
        seconds.tick().await;
        let interval = worker.measured.borrow_mut().take_interval();
        // Nobody listens any more when the program is about to end: then nothing is lost.
        pulses.send(Pulse { interval, in_flight: worker.in_flight.get() }).ok();
    }
}

impl Worker {
    /// Begins a request, unless as many are under way as may be.
    pub(super) fn take_off(&self, interaction: usize) -> Option<Flight<'_>> {
        if self.in_flight.get() >= self.in_flight_max {
            return None;
        }
        self.in_flight.set(self.in_flight.get() + 1);
        self.in_flight_peak.set(self.in_flight_peak.get().max(self.in_flight.get()));
        Some(Flight { worker: self, interaction, landed: false })
    }

    /// A visitor has done everything.
    pub(super) fn session_completed(&self) {
        self.sessions_completed.set(self.sessions_completed.get() + 1);
    }

    /// Adds a line to the journal, if one is kept.
    pub(super) fn write_journal<'a>(&self, fields: impl Iterator<Item = (&'a str, String)>) {
        if let Some(journal) = self.journal.borrow_mut().as_mut() {
            journal.write(fields);
        }
    }

    fn outcome(&self, effort: Effort, interrupted: bool) -> io::Result<Outcome> {
        if let Some(journal) = self.journal.take() {
            journal.finish()?;
        }
        Ok(Outcome {
            measured: self.measured.replace(Measured::new(0)),
            effort,
            interrupted,
            sessions_started: self.sessions_started.get(),
            sessions_completed: self.sessions_completed.get(),
            in_flight_peak: self.in_flight_peak.get(),
            in_flight_max: self.in_flight_max,
            connections_opened: self.pool.opened(),
        })
    }
}

impl Flight<'_> {
    /// The request is over, in whatever way.
    pub(super) fn land(mut self) {
        self.landed = true;
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.worker.in_flight.set(self.worker.in_flight.get() - 1);
        if !self.landed {
            let fault = Fault::new(Failure::Unfinished, "still under way when the run was over");
            self.worker.measured.borrow_mut().failed(self.interaction, &fault, None);
        }
    }
}
