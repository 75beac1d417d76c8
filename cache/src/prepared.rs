//! What was made of a stored header to serve it faster: made once, kept with the object, charged to its zone.

use crate::memory::budget::Charge;
use arc_swap::{ArcSwapOption, Guard};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// How many forms of one header are kept at a time.
pub const FORMS: usize = 16;

/// A form of a header that somebody has made.
pub struct Prepared {
    maker: u64,
    form: Box<dyn Any + Send + Sync>,
    _charge: Charge,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("maker", &self.maker).finish_non_exhaustive()
    }
}

impl Prepared {
    /// What was made; `None` if it is of another type.
    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.form.downcast_ref()
    }
}

/// The forms of one header; each place holds the last that was made for it.
#[derive(Debug, Default)]
pub(crate) struct Forms([ArcSwapOption<Prepared>; FORMS]);

impl Forms {
    /// Shows what `maker` has made for a place.
    pub(crate) fn get(&self, place: usize, maker: u64) -> Option<Guard<Option<Arc<Prepared>>>> {
        let there = self.0[place].load();
        (*there).as_ref().is_some_and(|prepared| prepared.maker == maker).then_some(there)
    }

    /// Keeps a form in a place.
    pub(crate) fn keep(&self, place: usize, maker: u64, form: Box<dyn Any + Send + Sync>, charge: Charge) {
        self.0[place].store(Some(Arc::new(Prepared { maker, form, _charge: charge })));
    }
}
