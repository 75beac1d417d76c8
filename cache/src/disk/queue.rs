//! What waits to be written: references to objects, bounded by the bytes they hold, and removals, which are tiny.

use crate::disk::index::{KeyHash, Place, Ticket};
use crate::head::Head;
use crate::labels::Labels;
use crate::memory::object::Object;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// One thing to write.
#[derive(Debug)]
pub(crate) enum Job {
    /// A whole object. `shadows`: an older one of the key may be on disk, and must not come back if this one is lost.
    Put { hash: KeyHash, ticket: Ticket, object: Arc<Object>, shadows: bool },
    /// What lies in a place, with another head, and the labels that it has unless there are others.
    Rewrite { hash: KeyHash, ticket: Ticket, place: Place, head: Arc<Head>, labels: Option<Labels> },
    /// Nothing is stored under this key any more.
    Remove { hash: KeyHash, ticket: Ticket },
    /// Answered when everything before it has been written, or given up.
    #[cfg(test)]
    Flush(std::sync::mpsc::Sender<()>),
}

impl Job {
    /// Bytes of memory that it keeps from being freed.
    fn bytes(&self) -> u64 {
        match self {
            Job::Put { object, .. } => object.weight(),
            Job::Rewrite { head, .. } => head.weight(),
            _ => 0,
        }
    }

    /// The oldest generation of what it will put on disk.
    fn generation(&self) -> u64 {
        match self {
            Job::Put { object, .. } => object.head.labels().asked_at.number(),
            // That of what is rewritten is told by the segment that it lies in.
            Job::Rewrite { labels: Some(labels), .. } => labels.asked_at.number(),
            _ => u64::MAX,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

#[derive(Debug)]
struct Waiting {
    /// Each with the bytes that it was counted for.
    jobs: VecDeque<(Job, u64)>,
    bytes: u64,
    bytes_max: u64,
    /// Something other than a job is to be looked at.
    called: bool,
    /// The oldest generation among the jobs that were taken and are not known to be done.
    in_hand: u64,
}

impl Queue {
    pub(crate) fn new(bytes_max: u64) -> Self {
        let waiting = Waiting { jobs: VecDeque::new(), bytes: 0, bytes_max, called: false, in_hand: u64::MAX };
        Queue { waiting: Mutex::new(waiting), news: Condvar::new() }
    }

    /// Adds a job if there is room for it; false if it was dropped. One that holds no memory always has room, and so has
    /// one that would be alone: an object may be larger than the queue.
    pub(crate) fn push(&self, job: Job) -> bool {
        let bytes = job.bytes();
        let mut waiting = self.lock();
        if bytes > 0 && waiting.bytes > 0 && waiting.bytes + bytes > waiting.bytes_max {
            return false;
        }
        waiting.bytes += bytes;
        waiting.jobs.push_back((job, bytes));
        self.news.notify_one();
        true
    }

    /// The next job, for which it waits so long at most. None also when the writer was called.
    pub(crate) fn pop(&self, patience: Duration) -> Option<Job> {
        let mut waiting = self.lock();
        if waiting.jobs.is_empty() && !waiting.called && !patience.is_zero() {
            let idle = |waiting: &mut Waiting| waiting.jobs.is_empty() && !waiting.called;
            waiting = self.news.wait_timeout_while(waiting, patience, idle).unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.called = false;
        let (job, bytes) = waiting.jobs.pop_front()?;
        waiting.bytes -= bytes;
        waiting.in_hand = waiting.in_hand.min(job.generation());
        Some(job)
    }

    /// Every job taken so far is done: what it wrote says its generation for itself.
    pub(crate) fn is_done(&self) {
        self.lock().in_hand = u64::MAX;
    }

    /// Waits so long at most, or until the writer is called.
    pub(crate) fn pause(&self, patience: Duration) {
        let waiting = self.lock();
        let idle = |waiting: &mut Waiting| !waiting.called;
        let (mut waiting, _) =
            self.news.wait_timeout_while(waiting, patience, idle).unwrap_or_else(PoisonError::into_inner);
        waiting.called = false;
    }

    /// Makes the writer look at what has changed.
    pub(crate) fn call(&self) {
        self.lock().called = true;
        self.news.notify_one();
    }

    /// Changes how much may wait. What waits already stays.
    pub(crate) fn resize(&self, bytes_max: u64) {
        self.lock().bytes_max = bytes_max;
    }

    /// No object that waits, or is being written, is of an older generation.
    pub(crate) fn oldest_generation(&self) -> u64 {
        let waiting = self.lock();
        waiting.jobs.iter().map(|(job, _)| job.generation()).min().unwrap_or(u64::MAX).min(waiting.in_hand)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
