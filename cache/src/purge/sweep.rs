//! Goes through what is in memory after a purge: counts what it reached, and frees what is gone.

use crate::head::Head;
use crate::labels::Generation;
use crate::memory::object::Object;
use crate::purge::order::{Purge, Reached, Subject};
use crate::purge::records::Mark;
use crate::purge::{Counters, Purges, Verdict};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::zone::Zone;
use std::sync::{Arc, PoisonError};

/// One purge, and what it has reached so far: lookups and the sweep both come upon its objects, and each object is
/// removed by one of them.
#[derive(Debug)]
pub(crate) struct Tally {
    marks: Vec<Mark>,
    soft: bool,
    pub(crate) generation: Generation,
    objects: AtomicU64,
    bytes: AtomicU64,
}

impl Tally {
    fn means(&self, head: &Head) -> bool {
        head.labels().asked_at < self.generation && self.marks.iter().any(|mark| mark.means(head))
    }

    fn count(&self, object: &Object) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(object.weight(), Ordering::Relaxed);
    }

    fn reached(&self) -> Reached {
        Reached { objects: self.objects.load(Ordering::Relaxed), bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

impl Counters {
    fn count(&self, object: &Object) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(object.weight(), Ordering::Relaxed);
    }
}

impl Purges {
    /// Purges, and begins to count what that reaches. [`Zone::sweep`] must follow.
    pub(crate) fn begin(&self, purge: &Purge) -> Arc<Tally> {
        self.counters.purges.fetch_add(1, Ordering::Relaxed);
        let marks: Vec<_> = purge.subjects.iter().map(Subject::mark).collect();
        // Before anybody can come upon what it means.
        let mut tallies = self.lock_tallies();
        let generation = self.record(marks.clone(), purge.soft.then_some(purge.at)).generation;
        let (objects, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let tally = Arc::new(Tally { marks, soft: purge.soft, generation, objects, bytes });
        tallies.push(Arc::clone(&tally));
        tally
    }

    /// Counts an object that was removed because it is gone.
    pub(crate) fn count_removed(&self, object: &Object) {
        self.counters.count(object);
        let tallies = self.lock_tallies();
        // The oldest that means it is the one that did away with it.
        if let Some(tally) = tallies.iter().find(|tally| !tally.soft && tally.means(&object.head)) {
            tally.count(object);
        }
    }

    fn lock_tallies(&self) -> crate::sync::MutexGuard<'_, Vec<Arc<Tally>>> {
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Zone {
    /// Judges all that is in memory, a few objects at a time, and removes what is gone. It takes a while: not for async
    /// threads. Returns what the purge has reached.
    pub(crate) fn sweep(&self, tally: &Arc<Tally>) -> Reached {
        let judge = |object: &Object| {
            let verdict = self.purges.judge(&object.head);
            if tally.soft && matches!(verdict, Verdict::Soft { .. }) && tally.means(&object.head) {
                tally.count(object);
                self.purges.counters.count(object);
            }
            verdict != Verdict::Gone
        };
        self.memory.visit(judge, |removed| self.purges.count_removed(removed));
        self.purges.lock_tallies().retain(|other| !Arc::ptr_eq(other, tally));
        tally.reached()
    }

    /// Forgets purges up to a generation, once all that is there, or under way, has been judged; but none that something
    /// on disk may be older than, where nothing is judged before it is read.
    pub(crate) fn forget_purges(&self, until: Generation, under_way: impl IntoIterator<Item = Arc<Head>>) {
        for head in under_way {
            self.purges.look_up(&head);
        }
        let judge = |object: &Object| self.purges.look_up(&object.head) != Verdict::Gone;
        self.memory.visit(judge, |removed| self.purges.count_removed(removed));
        let oldest_on_disk = self.disk().map_or(until, |disk| disk.oldest_generation());
        self.purges.forget(until.min(oldest_on_disk));
    }
}
