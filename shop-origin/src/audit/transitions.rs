//! I8, legal transitions only: each order's history, replayed over the table of steps, leads to its state.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::Finding;
use crate::shopping::api::{Cause, Event, OrderState, TRANSITIONS, replay};

pub(super) fn examine(connection: &Connection) -> rusqlite::Result<Finding> {
    let mut statement = connection.prepare(
        "SELECT o.number, o.state, o.version, e.version, e.from_state, e.cause, e.to_state
         FROM shopping_order o LEFT JOIN shopping_order_event e ON e.order_id = o.id ORDER BY o.id, e.version",
    )?;
    let mut rows = statement.query([])?;
    let mut orders: BTreeMap<String, History> = BTreeMap::new();
    let mut steps = 0;
    while let Some(row) = rows.next()? {
        let history = orders.entry(row.get(0)?).or_insert(History {
            state: row.get(1)?,
            version: row.get(2)?,
            events: Vec::new(),
            unknown: None,
        });
        let Some(version) = row.get(3)? else { continue };
        steps += 1;
        let (from, cause, to): (Option<String>, String, String) = (row.get(4)?, row.get(5)?, row.get(6)?);
        history.add(version, from.as_deref(), &cause, &to);
    }
    let violations = orders.iter().filter_map(|(number, history)| history.violation(number)).collect();
    let scope = format!("{} orders, {steps} steps, {} legal kinds", orders.len(), TRANSITIONS.len());
    Ok(Finding { name: "I8 legal transitions", scope, violations })
}

/// An order as it is, and as its events tell.
struct History {
    state: String,
    version: u32,
    events: Vec<Event>,
    /// A word that the table does not know.
    unknown: Option<String>,
}

impl History {
    fn add(&mut self, version: u32, from: Option<&str>, cause: &str, to: &str) {
        let known_from = from.map(OrderState::from_name);
        match (known_from, Cause::from_name(cause), OrderState::from_name(to)) {
            (None, Some(cause), Some(to)) => self.events.push(Event { version, from: None, cause, to }),
            (Some(Some(from)), Some(cause), Some(to)) => {
                self.events.push(Event { version, from: Some(from), cause, to });
            }
            _ => self.unknown = Some(format!("{} -{cause}-> {to}", from.unwrap_or("nothing"))),
        }
    }

    fn violation(&self, number: &str) -> Option<String> {
        if let Some(step) = &self.unknown {
            return Some(format!("order {number}: no step is called {step}"));
        }
        match replay(&self.events) {
            Err(version) => Some(format!("order {number}: step {version} could not follow from those before it")),
            Ok(state) if state.map(OrderState::name) != Some(self.state.as_str()) => {
                let told = state.map_or("nothing", OrderState::name);
                Some(format!("order {number}: is {}, its history leads to {told}", self.state))
            }
            Ok(_) if u32::try_from(self.events.len()) != Ok(self.version) => {
                Some(format!("order {number}: has version {}, but {} steps", self.version, self.events.len()))
            }
            Ok(_) => None,
        }
    }
}
