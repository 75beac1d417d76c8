//! `edge diff`: what a reload from one configuration to another would change, and what that costs.

use std::{path::Path, process::ExitCode};

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use config::{Diff, Difference, Kind, Sources};

use super::{Format, check::print};

/// As diff(1) has it.
const SAME: u8 = 0;
const DIFFERENT: u8 = 1;
const TROUBLE: u8 = 2;

/// Compares two files.
pub(super) fn diff(old: &Path, new: &Path, format: Format) -> Result<ExitCode> {
    let read = |file| Sources::read(file).and_then(|sources| sources.interpret());
    let (old, new) = match (read(old), read(new)) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            [old, new].iter().filter_map(|read| read.as_ref().err()).for_each(print);
            return Ok(TROUBLE.into());
        }
    };
    let diff = config::diff(&old, &new);
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&diff)?),
        Format::Human => table(&diff),
    }
    Ok(if diff.is_empty() { SAME } else { DIFFERENT }.into())
}

/// The differences by what they cost, the dearest first.
pub(super) fn table(diff: &Diff) {
    let path_width = width(diff, |difference| &difference.path);
    let change_width = width(diff, |difference| &difference.change);
    for kind in Kind::ALL {
        let mut differences = diff.of_kind(kind).peekable();
        if differences.peek().is_some() {
            let style = Style::new().bold().fg_color(Some(color(kind).into()));
            anstream::println!("{style}{kind}{style:#}");
        }
        for Difference { path, change, effect, .. } in differences {
            println!("  {path:path_width$}  {change:change_width$}  {effect}");
        }
    }
}

/// The longest that is not far too long.
fn width(diff: &Diff, of: impl Fn(&Difference) -> &String) -> usize {
    diff.iter().map(|difference| of(difference).chars().count()).filter(|width| *width <= 48).max().unwrap_or(0)
}

fn color(kind: Kind) -> AnsiColor {
    match kind {
        Kind::NeedsRestart => AnsiColor::Red,
        Kind::OrphansCache | Kind::DropsCounters => AnsiColor::Yellow,
        Kind::Live => AnsiColor::Green,
    }
}
