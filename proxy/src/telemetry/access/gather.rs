//! Lines on their way to the sink: each thread that serves gathers its own, and the log's thread writes them in blocks.
//!
//! Handing over each line by itself costs more than making it: a wake-up of the log's thread, and a switch to it where it
//! shares the processor.

use std::{
    cell::Cell,
    io::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::Receiver,
    },
    time::Duration,
};

use tokio::sync::oneshot;

/// How long lines may wait for more.
const GATHERING_MAX: Duration = Duration::from_millis(50);
/// Bytes of one place that are worth writing at once.
const ENOUGH: usize = 256 << 10;
/// Bytes of one place that may wait for the sink: what comes beyond is dropped.
pub(super) const WAITING_MAX: usize = 4 << 20;
/// Where threads gather; with more threads than this, some share one.
const PLACES: usize = 16;

/// What the log's thread is asked to do.
pub(super) enum Order {
    /// Lines have come where there were none.
    Gathered,
    /// There are enough of them.
    Enough,
    /// Go on with this sink.
    Sink(Box<dyn Write + Send>),
    /// Tell this one when everything before it is written.
    Flush(oneshot::Sender<()>),
}

/// The lines of one thread, on a line of the processor's cache of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Place(Mutex<Vec<u8>>);

/// All lines that are not written yet.
#[derive(Debug)]
pub(super) struct Gathered {
    places: [Place; PLACES],
    waiting_max: usize,
}

impl Gathered {
    pub(super) fn new(waiting_max: usize) -> Self {
        Self { places: Default::default(), waiting_max }
    }

    /// Adds a line that `write` appends; what the log's thread is to be told of it, or an error if it was dropped.
    pub(super) fn add(&self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Result<Option<Order>, Dropped> {
        let mut lines = self.places[own_place()].0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = lines.len();
        if before >= self.waiting_max {
            return Err(Dropped);
        }
        if !write(&mut lines) {
            lines.truncate(before);
            return Ok(None);
        }
        lines.push(b'\n');
        Ok(match lines.len() {
            _ if before == 0 => Some(Order::Gathered),
            ENOUGH.. if before < ENOUGH => Some(Order::Enough),
            _ => None,
        })
    }

    /// Writes all of them, and returns how many were lost with a sink that fails.
    fn write_to(&self, sink: &mut dyn Write, block: &mut Vec<u8>) -> u64 {
        let mut lost = 0;
        for place in &self.places {
            block.clear();
            std::mem::swap(block, &mut place.0.lock().unwrap_or_else(PoisonError::into_inner));
            if sink.write_all(block).and_then(|()| sink.flush()).is_err() {
                lost += memchr::memchr_iter(b'\n', block).count() as u64;
            }
        }
        lost
    }
}

/// There was no room for a line.
#[derive(Debug)]
pub(super) struct Dropped;

/// Where the current thread gathers.
fn own_place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: Cell<Option<usize>> = const { Cell::new(None) });
    OWN.get().unwrap_or_else(|| {
        let own = NEXT.fetch_add(1, Ordering::Relaxed) % PLACES;
        OWN.set(Some(own));
        own
    })
}

/// Writes what is gathered, until nobody is left to give orders. A sink that fails loses lines, never the thread.
pub(super) fn write_lines(
    orders: &Receiver<Order>,
    gathered: &Gathered,
    mut sink: Box<dyn Write + Send>,
    lost: impl Fn(u64),
) {
    let mut block = Vec::new();
    while let Ok(first) = orders.recv() {
        let (mut next, mut waiting) = (Some(first), None);
        while let Some(order) = next {
            match order {
                Order::Gathered => {}
                Order::Enough => break,
                Order::Sink(other) => sink = other,
                Order::Flush(written) => {
                    waiting = Some(written);
                    break;
                }
            }
            next = orders.recv_timeout(GATHERING_MAX).ok();
        }
        lost(gathered.write_to(&mut *sink, &mut block));
        if let Some(written) = waiting {
            written.send(()).ok(); // it may have stopped waiting
        }
    }
    lost(gathered.write_to(&mut *sink, &mut block));
}
