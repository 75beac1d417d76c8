//! The two queues of a shard: doubly linked through one vector, so that any object can leave its place at once.

use crate::memory::object::Object;
use crate::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;

/// More uses than these are not told apart (S3-FIFO s4: two bits).
const USES_MAX: u8 = 3;
const NOWHERE: u32 = u32::MAX;

/// Which queue an object stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// On probation: most of what is new is never asked for again.
    Small,
    /// Proven.
    Main,
}

/// An object's place.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) hash: u64,
    pub(crate) object: Arc<Object>,
    pub(crate) line: Line,
    uses: AtomicU8,
    newer: u32,
    older: u32,
}

impl Place {
    /// Called on a hit, by many at once under a shared lock. It writes nothing once the count is full, so a hot object's
    /// cache line stays shared between cores; two that count at the same time may count as one.
    pub(crate) fn count_use(&self) {
        let uses = self.uses();
        if uses < USES_MAX {
            self.uses.store(uses + 1, Ordering::Relaxed);
        }
    }

    pub(crate) fn uses(&self) -> u8 {
        self.uses.load(Ordering::Relaxed)
    }
}

/// The ends of a queue, and the weight between them.
#[derive(Debug)]
struct Ends {
    newest: u32,
    oldest: u32,
    bytes: u64,
}

impl Ends {
    const EMPTY: Ends = Ends { newest: NOWHERE, oldest: NOWHERE, bytes: 0 };
}

/// All places of one shard. A number that `push` gave out stays valid until `remove`, or [`Queues::pack`].
#[derive(Debug)]
pub(crate) struct Queues {
    places: Vec<Option<Place>>,
    vacant: Vec<u32>,
    small: Ends,
    main: Ends,
}

impl Queues {
    pub(crate) fn new() -> Self {
        Queues { places: Vec::new(), vacant: Vec::new(), small: Ends::EMPTY, main: Ends::EMPTY }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    /// The weight of everything in one queue.
    pub(crate) fn bytes(&self, line: Line) -> u64 {
        self.ends(line).bytes
    }

    /// The memory of the queues themselves.
    pub(crate) fn table_bytes(&self) -> usize {
        self.places.capacity() * size_of::<Option<Place>>() + self.vacant.capacity() * size_of::<u32>()
    }

    pub(crate) fn get(&self, at: u32) -> &Place {
        self.places[at as usize].as_ref().expect("the index names only places that are taken")
    }

    /// What stands in the `most` places before one, and the first of these.
    pub(crate) fn places_before(&self, end: usize, most: usize) -> (usize, impl Iterator<Item = &Place>) {
        let end = end.min(self.places.len());
        let start = end.saturating_sub(most);
        (start, self.places[start..end].iter().flatten())
    }

    fn get_mut(&mut self, at: u32) -> &mut Place {
        self.places[at as usize].as_mut().expect("the index names only places that are taken")
    }

    pub(crate) fn oldest(&self, line: Line) -> Option<u32> {
        Some(self.ends(line).oldest).filter(|at| *at != NOWHERE)
    }

    /// Adds an object at the new end.
    pub(crate) fn push(&mut self, line: Line, hash: u64, object: Arc<Object>) -> u32 {
        let place = Place { hash, object, line, uses: AtomicU8::new(0), newer: NOWHERE, older: NOWHERE };
        let at = match self.vacant.pop() {
            Some(at) => at,
            None => {
                self.places.push(None);
                (self.places.len() - 1) as u32
            }
        };
        self.places[at as usize] = Some(place);
        self.link(line, at);
        at
    }

    /// Takes an object out from wherever it stands.
    pub(crate) fn remove(&mut self, at: u32) -> Place {
        self.unlink(at);
        self.vacant.push(at);
        self.places[at as usize].take().expect("unlink has just seen it")
    }

    /// Sends an object to the new end of a queue, with its uses set anew.
    pub(crate) fn requeue(&mut self, at: u32, line: Line, uses: u8) {
        self.unlink(at);
        *self.get_mut(at).uses.get_mut() = uses;
        self.link(line, at);
    }

    /// Puts another object in the same place, with the same uses, and returns the one that stood there.
    pub(crate) fn swap(&mut self, at: u32, object: Arc<Object>) -> Arc<Object> {
        let entering = object.weight();
        let place = self.get_mut(at);
        let line = place.line;
        let left = std::mem::replace(&mut place.object, object);
        let ends = self.ends_mut(line);
        ends.bytes = ends.bytes + entering - left.weight();
        left
    }

    /// Whether most of the vector has become vacant, so that [`Queues::pack`] is worth its time.
    pub(crate) fn is_sparse(&self) -> bool {
        self.places.len() > 64 && self.len() < self.places.len() / 4
    }

    /// Gives the vacant places back to the allocator. Every number changes: `moved` is told each hash and its new one.
    pub(crate) fn pack(&mut self, mut moved: impl FnMut(u64, u32)) {
        let mut packed = Queues::new();
        packed.places.reserve_exact(self.len() * 2);
        for line in [Line::Small, Line::Main] {
            while let Some(at) = self.oldest(line) {
                let place = self.remove(at);
                let uses = place.uses();
                let at = packed.push(line, place.hash, place.object);
                *packed.get_mut(at).uses.get_mut() = uses;
                moved(place.hash, at);
            }
        }
        *self = packed;
    }

    fn link(&mut self, line: Line, at: u32) {
        let newest = self.ends(line).newest;
        let place = self.get_mut(at);
        (place.line, place.newer, place.older) = (line, NOWHERE, newest);
        let weight = place.object.weight();
        match newest {
            NOWHERE => self.ends_mut(line).oldest = at,
            before => self.get_mut(before).newer = at,
        }
        let ends = self.ends_mut(line);
        ends.newest = at;
        ends.bytes += weight;
    }

    fn unlink(&mut self, at: u32) {
        let Place { line, newer, older, .. } = *self.get(at);
        let weight = self.get(at).object.weight();
        match newer {
            NOWHERE => self.ends_mut(line).newest = older,
            newer => self.get_mut(newer).older = older,
        }
        match older {
            NOWHERE => self.ends_mut(line).oldest = newer,
            older => self.get_mut(older).newer = newer,
        }
        self.ends_mut(line).bytes -= weight;
    }

    fn ends(&self, line: Line) -> &Ends {
        match line {
            Line::Small => &self.small,
            Line::Main => &self.main,
        }
    }

    fn ends_mut(&mut self, line: Line) -> &mut Ends {
        match line {
            Line::Small => &mut self.small,
            Line::Main => &mut self.main,
        }
    }
}
