//! Locks and atomics of the standard library; under the feature `shuttle` those of that crate, whose scheduler tries other
//! orders of threads with each run of a test (`purge/interleavings.rs`). `Arc` is the standard one in either case.

#[cfg(feature = "shuttle")]
pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic};
#[cfg(not(feature = "shuttle"))]
pub(crate) use std::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, atomic};
