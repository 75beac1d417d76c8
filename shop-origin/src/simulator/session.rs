//! Payments that were begun: what for, and what became of them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

use crate::backing::secret::token;
use crate::payment::provider::{COMPLETED, Event, EventData, EventObject, NewSession};

/// As long as Stripe keeps a session open.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// The oldest are forgotten beyond this.
const SESSIONS_MAX: u64 = 200_000;

/// What a buyer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Pay,
    Decline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Paid,
    Expired,
}

/// One payment.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    pub(super) terms: NewSession,
    /// What the provider calls the payment itself.
    pub(super) intent: String,
    state: State,
}

/// All payments of this process.
pub(super) struct Sessions {
    by_id: Cache<String, std::sync::Arc<Mutex<Payment>>>,
    by_key: Cache<String, String>,
}

impl Default for Sessions {
    fn default() -> Sessions {
        Sessions {
            by_id: Cache::builder().max_capacity(SESSIONS_MAX).time_to_live(LIFE).build(),
            by_key: Cache::builder().max_capacity(SESSIONS_MAX).time_to_live(LIFE).build(),
        }
    }
}

impl Sessions {
    /// Begins a payment, or returns the one that was begun with this key on the same terms and is still open.
    pub(super) fn open(&self, terms: NewSession, key: Option<&str>) -> String {
        let begin = || {
            let id = format!("cs_{}", token::<12>());
            let payment = Payment { terms: terms.clone(), intent: format!("pi_{}", token::<12>()), state: State::Open };
            self.by_id.insert(id.clone(), std::sync::Arc::new(Mutex::new(payment)));
            id
        };
        let Some(key) = key else { return begin() };
        let known = self.by_key.entry(key.to_owned()).and_upsert_with(|known| match known {
            Some(known) if self.is_open_for(known.value(), &terms) => known.into_value(),
            _ => begin(),
        });
        known.into_value()
    }

    pub(super) fn find(&self, id: &str) -> Option<Payment> {
        self.with(id, |payment| payment.clone())
    }

    /// Takes the money, once: the event to tell, or `None` when it cannot be taken (any more).
    pub(super) fn pay(&self, id: &str) -> Option<Event> {
        self.with(id, |payment| {
            let open = payment.state == State::Open;
            open.then(|| {
                payment.state = State::Paid;
                payment.completed(id)
            })
        })?
    }

    /// Closes a session; `Some(false)` when it was paid already.
    pub(super) fn expire(&self, id: &str) -> Option<bool> {
        self.with(id, |payment| {
            if payment.state == State::Open {
                payment.state = State::Expired;
            }
            payment.state == State::Expired
        })
    }

    fn is_open_for(&self, id: &str, terms: &NewSession) -> bool {
        let same = |payment: &mut Payment| payment.state == State::Open && payment.terms == *terms;
        self.with(id, same).unwrap_or(false)
    }

    fn with<T>(&self, id: &str, look: impl FnOnce(&mut Payment) -> T) -> Option<T> {
        let payment = self.by_id.get(id)?;
        let mut payment = payment.lock().unwrap_or_else(PoisonError::into_inner);
        Some(look(&mut payment))
    }
}

impl Payment {
    pub(super) fn outcome(&self) -> Option<&'static str> {
        match self.state {
            State::Open => None,
            State::Paid => Some("This payment was made."),
            State::Expired => Some("The shop has withdrawn this payment. Nothing was charged."),
        }
    }

    fn completed(&self, id: &str) -> Event {
        Event {
            id: format!("evt_{}", token::<12>()),
            kind: COMPLETED.to_owned(),
            data: EventData {
                object: EventObject {
                    id: id.to_owned(),
                    payment_intent: self.intent.clone(),
                    client_reference_id: self.terms.client_reference_id.clone(),
                    amount_total: self.terms.amount_total,
                    currency: self.terms.currency.clone(),
                    payment_status: "paid".to_owned(),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Cents;

    fn terms(amount: i64) -> NewSession {
        NewSession {
            client_reference_id: "A".to_owned(),
            amount_total: Cents(amount),
            currency: "cny".to_owned(),
            success_url: String::new(),
            cancel_url: String::new(),
        }
    }

    #[test]
    fn a_key_stands_for_one_open_session() {
        let sessions = Sessions::default();
        let first = sessions.open(terms(5), Some("A"));
        assert_eq!(sessions.open(terms(5), Some("A")), first);
        assert_ne!(sessions.open(terms(5), None), first);
        assert_ne!(sessions.open(terms(6), Some("A")), first);
    }

    #[test]
    fn money_is_taken_once_and_not_after_the_end() {
        let sessions = Sessions::default();
        let paid = sessions.open(terms(5), None);
        assert_eq!(sessions.pay(&paid).unwrap().data.object.amount_total, Cents(5));
        assert!(sessions.pay(&paid).is_none());
        assert_eq!(sessions.expire(&paid), Some(false));

        let expired = sessions.open(terms(5), None);
        assert_eq!(sessions.expire(&expired), Some(true));
        assert!(sessions.pay(&expired).is_none());
        assert_eq!(sessions.expire("none"), None);
    }
}
