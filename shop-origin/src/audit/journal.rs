//! I3 and I4 from the client's side: every order that a client was told of is there, once.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;
use rusqlite::Connection;
use serde::Deserialize;

use super::Finding;

/// One 2xx answer to a checkout.
#[derive(Deserialize)]
struct Answered {
    order: String,
    idempotency_key: String,
}

/// Compares a client's journal, one JSON object a line, with the orders.
pub(super) fn compare(connection: &Connection, journal: &Path) -> Result<Finding, anyhow::Error> {
    let shown = journal.display();
    let file = File::open(journal).with_context(|| format!("cannot read the journal {shown}"))?;
    let mut statement = connection.prepare(
        "SELECT count(DISTINCT o.id) FROM shopping_order o JOIN shopping_checkout c ON c.order_number = o.number
         WHERE o.number = ?1 AND c.key = ?2",
    )?;
    let mut orders_by_key: HashMap<String, String> = HashMap::new();
    let (mut answers, mut violations) = (0, Vec::new());
    for (line, number) in BufReader::new(file).lines().zip(1..) {
        let line = line.with_context(|| format!("cannot read the journal {shown}"))?;
        if line.trim().is_empty() {
            continue;
        }
        let answered: Answered = serde_json::from_str(&line).with_context(|| {
            format!("line {number} of {shown} is not {{\"order\": \"...\", \"idempotency_key\": \"...\"}}")
        })?;
        answers += 1;
        let Answered { order, idempotency_key: key } = answered;
        let there: i64 = statement.query_row([&order, &key], |row| row.get(0))?;
        if there != 1 {
            violations.push(format!("line {number}: order {order} under key {key} is there {there} times"));
        }
        // A retry is answered with the same order; another one would be a second purchase.
        let first = orders_by_key.entry(key).or_insert_with(|| order.clone());
        if *first != order {
            violations.push(format!("line {number}: the key was answered with {first} before, now with {order}"));
        }
    }
    let scope = format!("{answers} answers, {} keys", orders_by_key.len());
    Ok(Finding { name: "I3+I4 the client's journal", scope, violations })
}
