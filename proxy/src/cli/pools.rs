//! `edge pools`: the pools of a running edge as a table.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result, bail};

use crate::control::pools::{Endpoint, Pool, SetByHand};

/// Of a name, a state or a reason; more is left out of the table, not of the JSON.
const CELL_MAX: usize = 60;

/// What the edge said, as far as it was asked for.
pub(super) fn read(answer: &str, pool: Option<&str>) -> Result<Vec<Pool>> {
    let mut pools: Vec<Pool> = serde_json::from_str(answer).context("the edge gave an answer of another kind")?;
    if let Some(name) = pool {
        let known: Vec<_> = pools.iter().map(|pool| format!("`{}`", pool.name)).collect();
        pools.retain(|pool| pool.name == name);
        if pools.is_empty() {
            bail!("there is no pool `{name}`; known are {}", known.join(", "));
        }
    }
    Ok(pools)
}

/// Pools and their endpoints, for people; in colour where they look at it.
pub(super) fn table(pools: &[Pool]) -> String {
    let mut text = String::new();
    for pool in pools {
        heading(&mut text, pool);
        rows(&mut text, &pool.endpoints);
    }
    text
}

fn heading(text: &mut String, pool: &Pool) {
    let mut line = |style: Style, words: String| writeln!(text, "{style}{words}{style:#}").expect("a text grows");
    let Pool { name, balance, usable, in_flight, limit, retries_left, .. } = pool;
    let usable = usable * 100.0;
    let share = if pool.panic { color(AnsiColor::Red) } else { Style::new() }.bold();
    let panic = if pool.panic { ", PANIC: failing checks are ignored" } else { "" };
    line(
        share,
        format!(
            "{name}: {balance}; {usable:.0}% usable{panic}; {in_flight} of {limit} in flight; \
             {retries_left} retries left"
        ),
    );
    for name in &pool.names {
        let age = seconds(name.age_s);
        match &name.fault {
            Some(fault) if name.addresses == 0 => {
                line(color(AnsiColor::Red), format!("  {}: no address for {age}: {fault}", name.name));
            }
            Some(fault) => {
                line(color(AnsiColor::Yellow), format!("  {}: the answer is {age} old: {fault}", name.name));
            }
            None => {}
        }
    }
    let broken = pool.file.as_ref().and_then(|file| Some((&file.path, file.fault.as_ref()?)));
    if let Some((path, fault)) = broken {
        let fault = fault.lines().next().unwrap_or_default();
        line(color(AnsiColor::Yellow), format!("  {path} is broken, what it held before is kept: {fault}"));
    }
}

const COLUMNS: usize = 10;
const HEADINGS: [&str; COLUMNS] =
    ["ENDPOINT", "NAME", "ZONE", "STATE", "WEIGHT", "IN FLIGHT", "LATENCY", "TRIES", "ERRORS", "BY HAND"];
const STATE: usize = 3;
/// Columns of numbers, which end below each other.
const NUMBERS: std::ops::Range<usize> = 4..9;

fn rows(text: &mut String, endpoints: &[Endpoint]) {
    let rows: Vec<_> = endpoints.iter().map(cells).collect();
    let headings = HEADINGS.map(str::to_owned);
    let width = |column: usize| {
        let cells = rows.iter().map(|row| &row[column]).chain([&headings[column]]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    // A column in which nobody has anything to say is left out.
    let shown: Vec<_> = (0..COLUMNS).filter(|&column| rows.iter().any(|row| !row[column].is_empty())).collect();
    let mut line = |cells: &[String; COLUMNS], style: Style| {
        let mut line = String::from(" ");
        for &column in &shown {
            let (cell, width) = (&cells[column], widths[column]);
            let cell = if NUMBERS.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:width$}") };
            let style = if column == STATE { style } else { Style::new() };
            write!(line, " {style}{cell}{style:#} ").expect("a text grows");
        }
        writeln!(text, "{}", line.trim_end()).expect("a text grows");
    };
    if !endpoints.is_empty() {
        line(&headings, Style::new());
    }
    for (row, endpoint) in rows.iter().zip(endpoints) {
        line(row, state_style(endpoint));
    }
    if endpoints.is_empty() {
        writeln!(text, "  no endpoints").expect("a text grows");
    }
}

fn cells(endpoint: &Endpoint) -> [String; COLUMNS] {
    let backup = if endpoint.backup { "backup" } else { "" };
    let zone = endpoint.zone.as_deref().unwrap_or_default();
    [
        endpoint.address.clone(),
        short(endpoint.name.as_deref().unwrap_or_default()),
        [zone, backup].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "),
        short(&state(endpoint)),
        weight(endpoint),
        match endpoint.max_in_flight {
            Some(most) => format!("{}/{most}", endpoint.in_flight),
            None => endpoint.in_flight.to_string(),
        },
        endpoint.latency_ms.map_or(String::new(), |ms| format!("{ms:.1} ms")),
        endpoint.tries.to_string(),
        endpoint.errors.to_string(),
        short(&endpoint.by_hand.as_ref().map_or(String::new(), by_hand)),
    ]
}

/// The state in words: what it is, for how long, and why.
fn state(endpoint: &Endpoint) -> String {
    let left = endpoint.ejected_for_s.map_or(String::new(), |left| format!(" for {}", seconds(left)));
    let why = endpoint.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
    format!("{}{left}{why}", endpoint.state)
}

/// What somebody set, for how long, and why.
fn by_hand(hand: &SetByHand) -> String {
    let left = hand.for_s.map_or(String::new(), |left| format!(" for {}", seconds(left)));
    let why = hand.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
    format!("{} by {}{left}{why}", hand.state, hand.by)
}

/// What counts of the weight, where that is not all of it.
fn weight(endpoint: &Endpoint) -> String {
    let (effective, configured) = (endpoint.effective_weight, endpoint.weight);
    if (effective - f64::from(configured)).abs() < 0.005 {
        configured.to_string()
    } else {
        format!("{}/{configured}", (effective * 100.0).round() / 100.0)
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(CELL_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// `42s`, `10m`, `3h`.
fn seconds(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0}s"),
        ..7200.0 => format!("{:.0}m", seconds / 60.0),
        _ => format!("{:.0}h", seconds / 3600.0),
    }
}

/// Red: it should serve, and does not as it should. Yellow: not all of it serves, or by somebody's will.
fn state_style(endpoint: &Endpoint) -> Style {
    color(match endpoint.state.as_str() {
        "up" | "standby" if endpoint.by_hand.is_none() => AnsiColor::Green,
        "up" | "standby" | "slow_start" | "draining" => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    })
}

fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}
