//! Proves the business invariants from outside: one oracle each, over what is on disk, by other means than the code that
//! wrote it.
//!
//! It reads every subsystem's tables, which nothing else may: an auditor does not ask the audited. It writes nothing, and
//! takes one snapshot, so that a live shop can be audited.

mod stock;
mod idempotency;
mod durability;
mod transitions;
mod money;
mod journal;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use rusqlite::Connection;

use crate::backing::db;
use crate::backing::state::StateFolder;
use crate::cli;

/// Violations of one invariant that are printed in full.
const SHOWN_MAX: usize = 10;

/// What an oracle has found.
pub(crate) struct Finding {
    /// Such as `I1 no oversell`.
    name: &'static str,
    /// What was looked at, such as `2000 SKUs`.
    scope: String,
    violations: Vec<String>,
}

/// Runs all oracles and prints a line for each; fails when any of them has found a violation.
pub(crate) fn run(options: &cli::Audit) -> Result<ExitCode, anyhow::Error> {
    let path = StateFolder::of(&options.state).database_path();
    let mut findings = examine(&path)?;
    if let Some(journal) = &options.journal {
        let connection = db::open_to_look(&path)?;
        findings.push(journal::compare(&connection, journal)?);
    }
    for finding in &findings {
        println!("{finding}");
    }
    let sound = findings.iter().all(|finding| finding.violations.is_empty());
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn examine(database: &Path) -> Result<Vec<Finding>, anyhow::Error> {
    let hint =
        || format!("cannot audit {}; hint: --state is a folder that `shop-origin seed` has filled", database.display());
    let mut connection = db::open_to_look(database).with_context(hint)?;
    let snapshot = connection.transaction().with_context(hint)?;
    let oracles: [fn(&Connection) -> rusqlite::Result<Finding>; 5] =
        [stock::examine, idempotency::examine, durability::examine, transitions::examine, money::examine];
    oracles.into_iter().map(|oracle| oracle(&snapshot).with_context(hint)).collect()
}

/// One row per violation: the query makes sentences of them.
fn violations(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn count(connection: &Connection, sql: &str) -> rusqlite::Result<i64> {
    connection.query_row(sql, [], |row| row.get(0))
}

impl std::fmt::Display for Finding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Finding { name, scope, violations } = self;
        match violations.len() {
            0 => write!(out, "ok       {name}: {scope}, 0 violations")?,
            1 => write!(out, "VIOLATED {name}: {scope}, 1 violation")?,
            more => write!(out, "VIOLATED {name}: {scope}, {more} violations")?,
        }
        for violation in violations.iter().take(SHOWN_MAX) {
            write!(out, "\n         {violation}")?;
        }
        match violations.len().checked_sub(SHOWN_MAX) {
            None | Some(0) => Ok(()),
            Some(more) => write!(out, "\n         and {more} more"),
        }
    }
}
