//! The states of an order, and the one table of the steps between them (invariant I8).
//!
//! Every change of an order follows a row of [`TRANSITIONS`]; its events, replayed over the table, lead to its state.

use std::fmt;

/// Where an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum OrderState {
    /// Its stock is reserved until it expires.
    PendingPayment,
    Paid,
    /// To be paid to the courier.
    CodPlaced,
    Cancelled,
}

/// What moves an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Cause {
    PlaceOnline,
    PlaceCod,
    Pay,
    /// By its buyer.
    Cancel,
    /// Not paid in time.
    Expire,
}

/// What a step does to the stock of the order's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StockEffect {
    /// From available to reserved.
    Reserve,
    /// From reserved to sold.
    Sell,
    /// From reserved back to available.
    Release,
}

/// A legal step. `from` is `None` for the step that makes the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) from: Option<OrderState>,
    pub(crate) cause: Cause,
    pub(crate) to: OrderState,
    pub(crate) stock: StockEffect,
}

/// Every legal step, and nothing that does not happen.
pub(crate) const TRANSITIONS: [Transition; 6] = {
    use {Cause::*, OrderState::*, StockEffect::*};
    const fn row(from: Option<OrderState>, cause: Cause, to: OrderState, stock: StockEffect) -> Transition {
        Transition { from, cause, to, stock }
    }
    [
        row(None, PlaceOnline, PendingPayment, Reserve),
        row(None, PlaceCod, CodPlaced, Reserve),
        row(Some(PendingPayment), Pay, Paid, Sell),
        row(Some(PendingPayment), Cancel, Cancelled, Release),
        row(Some(PendingPayment), Expire, Cancelled, Release),
        row(Some(CodPlaced), Cancel, Cancelled, Release),
    ]
};

/// The step that `cause` leads to from here, if it is legal.
pub(crate) fn step(from: Option<OrderState>, cause: Cause) -> Option<&'static Transition> {
    TRANSITIONS.iter().find(|transition| transition.from == from && transition.cause == cause)
}

/// A step that an order took, as it was written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    /// From 1, without gaps.
    pub(crate) version: u32,
    pub(crate) from: Option<OrderState>,
    pub(crate) cause: Cause,
    pub(crate) to: OrderState,
}

/// Where a history leads, or the version of its first event that could not have happened.
pub(crate) fn replay(events: &[Event]) -> Result<Option<OrderState>, u32> {
    let mut state = None;
    for (event, version) in events.iter().zip(1..) {
        let legal = step(state, event.cause).is_some_and(|legal| legal.to == event.to);
        if !legal || event.from != state || event.version != version {
            return Err(event.version);
        }
        state = Some(event.to);
    }
    Ok(state)
}

impl OrderState {
    pub(crate) const ALL: [OrderState; 4] =
        [OrderState::PendingPayment, OrderState::Paid, OrderState::CodPlaced, OrderState::Cancelled];

    /// As it is stored and sent.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            OrderState::PendingPayment => "pending_payment",
            OrderState::Paid => "paid",
            OrderState::CodPlaced => "cod_placed",
            OrderState::Cancelled => "cancelled",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<OrderState> {
        OrderState::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for OrderState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Cause {
    const ALL: [Cause; 5] = [Cause::PlaceOnline, Cause::PlaceCod, Cause::Pay, Cause::Cancel, Cause::Expire];

    /// As it is stored and sent.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Cause::PlaceOnline => "place_online",
            Cause::PlaceCod => "place_cod",
            Cause::Pay => "pay",
            Cause::Cancel => "cancel",
            Cause::Expire => "expire",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(causes: &[Cause]) -> Vec<Event> {
        let mut from = None;
        let mut events = Vec::new();
        for (cause, version) in causes.iter().zip(1..) {
            let to = step(from, *cause).unwrap().to;
            events.push(Event { version, from, cause: *cause, to });
            from = Some(to);
        }
        events
    }

    #[test]
    fn a_step_is_decided_by_where_and_why_alone() {
        for (place, row) in TRANSITIONS.iter().enumerate() {
            let same = |other: &Transition| other.from == row.from && other.cause == row.cause;
            assert_eq!(TRANSITIONS.iter().position(same), Some(place), "{row:?}");
        }
    }

    #[test]
    fn nothing_leaves_a_final_state() {
        for cause in Cause::ALL {
            assert_eq!(step(Some(OrderState::Cancelled), cause), None);
            assert_eq!(step(Some(OrderState::Paid), cause), None);
        }
        assert_eq!(step(Some(OrderState::CodPlaced), Cause::Pay), None);
        assert_eq!(step(None, Cause::Pay), None);
    }

    #[test]
    fn legal_histories_replay() {
        assert_eq!(replay(&[]), Ok(None));
        assert_eq!(replay(&history(&[Cause::PlaceOnline, Cause::Pay])), Ok(Some(OrderState::Paid)));
        assert_eq!(replay(&history(&[Cause::PlaceCod, Cause::Cancel])), Ok(Some(OrderState::Cancelled)));
    }

    #[test]
    fn illegal_histories_are_found_where_they_break() {
        let good = history(&[Cause::PlaceOnline, Cause::Pay]);
        let broken = |change: fn(&mut Vec<Event>)| {
            let mut events = good.clone();
            change(&mut events);
            replay(&events)
        };
        assert_eq!(broken(|events| events[1].to = OrderState::CodPlaced), Err(2));
        assert_eq!(broken(|events| events[1].from = None), Err(2));
        assert_eq!(broken(|events| events[1].version = 3), Err(3));
        assert_eq!(broken(|events| events.swap(0, 1)), Err(2));
        assert_eq!(broken(|events| events.push(events[1])), Err(2));
    }

    #[test]
    fn names_are_read_back() {
        assert!(OrderState::ALL.iter().all(|state| OrderState::from_name(state.name()) == Some(*state)));
        assert!(Cause::ALL.iter().all(|cause| Cause::from_name(cause.name()) == Some(*cause)));
    }
}
