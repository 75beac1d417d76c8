//! What the rules are measured against.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

/// nginx's smooth weighted round robin under a lock: each choice adds every weight to its current value, takes the
/// largest and subtracts the total from it.
pub(crate) struct SmoothRoundRobin {
    weights: Vec<i64>,
    current: Mutex<Vec<i64>>,
}

impl SmoothRoundRobin {
    pub(crate) fn new(weights: &[u16]) -> Self {
        Self {
            weights: weights.iter().map(|&weight| weight.into()).collect(),
            current: Mutex::new(vec![0; weights.len()]),
        }
    }

    pub(crate) fn choose(&self) -> usize {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut best, mut total) = (0, 0);
        for (index, weight) in self.weights.iter().enumerate() {
            current[index] += weight;
            total += weight;
            if current[index] > current[best] {
                best = index;
            }
        }
        current[best] -= total;
        best
    }
}

/// Least connections by looking at all of them.
pub(crate) struct LeastConnections {
    weights: Vec<u64>,
    in_flight: Vec<AtomicU32>,
}

impl LeastConnections {
    pub(crate) fn new(weights: &[u16]) -> Self {
        Self {
            weights: weights.iter().map(|&weight| weight.into()).collect(),
            in_flight: weights.iter().map(|_| AtomicU32::new(0)).collect(),
        }
    }

    pub(crate) fn begin(&self) -> usize {
        let load = |index: usize| u64::from(self.in_flight[index].load(Ordering::Relaxed)) + 1;
        let by_load = |&a: &usize, &b: &usize| (load(a) * self.weights[b]).cmp(&(load(b) * self.weights[a]));
        let least = (0..self.weights.len()).min_by(by_load).expect("a pool has endpoints");
        self.in_flight[least].fetch_add(1, Ordering::Relaxed);
        least
    }

    pub(crate) fn end(&self, index: usize) {
        self.in_flight[index].fetch_sub(1, Ordering::Relaxed);
    }
}
