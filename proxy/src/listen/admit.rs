//! How many connections a listener holds, in all and from each client.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use config::model::Connections;
use dashmap::DashMap;

/// The connections of one listener, over all workers; survives reloads while the listener keeps its name.
#[derive(Debug, Default)]
pub(crate) struct Places {
    taken: AtomicU32,
    /// By the network of the client; only those that hold one.
    by_client: DashMap<u128, u32, foldhash::fast::RandomState>,
}

impl Places {
    /// Connections held.
    pub(crate) fn taken(&self) -> u32 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The listener holds as many as it may.
    Listener,
    /// The client holds as many as it may.
    Client,
}

impl Full {
    /// The `reason` label in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Listener => "listener_full",
            Self::Client => "client_full",
        }
    }

    /// Every label.
    pub(crate) const LABELS: [&'static str; 2] = ["listener_full", "client_full"];
}

/// The place of one connection; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    client: Option<u128>,
}

impl Place {
    /// Takes a place for a connection from `client`; `None` is not counted by client.
    pub(crate) fn take(places: &Arc<Places>, limit: Connections, client: Option<u128>) -> Result<Self, Full> {
        if places.taken.fetch_add(1, Ordering::Relaxed) >= limit.max {
            places.taken.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Listener);
        }
        let mut place = Self { places: Arc::clone(places), client: None };
        if let Some(client) = client {
            place.count(client, limit)?;
        }
        Ok(place)
    }

    /// Counts it for a client, once that is known.
    pub(crate) fn count(&mut self, client: u128, limit: Connections) -> Result<(), Full> {
        let mut held = self.places.by_client.entry(client).or_default();
        if *held >= limit.per_address {
            return Err(Full::Client);
        }
        *held += 1;
        self.client = Some(client);
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        if let dashmap::Entry::Occupied(mut held) = self.places.by_client.entry(client) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Connections = Connections { max: 3, per_address: 2 };

    #[test]
    fn neither_all_nor_one_client_hold_more_than_they_may() {
        let places = Arc::new(Places::default());
        let take = |client| Place::take(&places, LIMIT, client);
        let first = take(Some(1)).unwrap();
        let second = take(Some(1)).unwrap();
        assert_eq!(take(Some(1)).unwrap_err(), Full::Client);
        let third = take(Some(2)).unwrap();
        assert_eq!((take(Some(3)).unwrap_err(), places.taken()), (Full::Listener, 3));
        drop(first);
        let again = take(Some(1)).unwrap();
        assert_eq!(places.by_client.len(), 2);
        drop((second, third, again));
        assert_eq!((places.taken(), places.by_client.len()), (0, 0), "nothing is left behind");
    }

    #[test]
    fn a_balancer_is_not_counted_as_one_client_until_it_says_who_it_is_for() {
        let places = Arc::new(Places::default());
        let mut held: Vec<_> = (0..3).map(|_| Place::take(&places, LIMIT, None).unwrap()).collect();
        assert_eq!(Place::take(&places, LIMIT, None).unwrap_err(), Full::Listener);
        let counted: Vec<_> = held.iter_mut().map(|place| place.count(7, LIMIT).is_ok()).collect();
        assert_eq!(counted, [true, true, false]);
    }
}
