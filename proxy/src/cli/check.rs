//! `edge check`: everything that is wrong with a configuration, before it goes live.

use std::{path::Path, process::ExitCode};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use config::{Code, Problems, Sources, model::Config};
use jiff::{
    Timestamp,
    civil::Date,
    tz::{TimeZone, offset},
};

use super::Format;
use crate::{
    clock,
    control::{
        digest::digest,
        outside::{self, Period},
        problem::ProblemLine,
    },
};

/// Checks a file; exit code 0 if it can go live.
pub(super) fn check(file: &Path, format: Format, event: Option<Date>) -> Result<ExitCode> {
    let checked = read(file, event);
    if format == Format::Json {
        let problems = checked.as_ref().err().map(ProblemLine::of_all).unwrap_or_default();
        println!("{}", serde_json::to_string_pretty(&problems)?);
        return Ok(exit_code(checked.is_ok()));
    }
    match &checked {
        Ok((sources, config)) => {
            let (listeners, routes, pools) =
                (config.live.listeners.len(), config.live.routes.len(), config.live.pools.len());
            let (file, hash) = (file.display(), digest(sources));
            println!("{file}: good: {listeners} listeners, {routes} routes, {pools} pools; hash {hash}");
        }
        Err(problems) => print(problems),
    }
    Ok(exit_code(checked.is_ok()))
}

/// Checks a file, and prints everything that it means.
pub(super) fn effective(file: &Path, event: Option<Date>) -> Result<ExitCode> {
    let effective = read(file, event).and_then(|(sources, _)| sources.effective());
    match &effective {
        Ok(text) => print!("{text}"),
        Err(problems) => print(problems),
    }
    Ok(exit_code(effective.is_ok()))
}

fn read(file: &Path, event: Option<Date>) -> Result<(Sources, Config), Problems> {
    let sources = Sources::read(file)?;
    let config = sources.interpret()?;
    if let Some(unknown) = outside::unknown_here(&config) {
        anstream::eprintln!("note: {unknown}");
    }
    match outside::check(&config, &sources, period(event)) {
        Some(problems) => Err(problems),
        None => Ok((sources, config)),
    }
}

fn exit_code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// From now to the end of the event's day, wherever on earth that ends last.
fn period(event: Option<Date>) -> Period {
    let now = Timestamp::try_from(clock::wall()).unwrap_or(Timestamp::MIN);
    let end = event.and_then(|day| day.tomorrow().ok()?.to_zoned(TimeZone::fixed(offset(-12))).ok());
    Period { now, until: end.map_or(now, |end| end.timestamp()) }
}

/// Prints what a code means.
pub(super) fn explain(code: &str) -> Result<()> {
    let code = Code::parse(code).with_context(|| {
        let (first, last) = (Code::ALL.first(), Code::ALL.last());
        let known = first.zip(last).map(|(first, last)| format!("; hint: they go from {first} to {last}"));
        format!("there is no code `{code}`{}", known.unwrap_or_default())
    })?;
    println!("{} {}\n\n{}", code.number(), code.name(), code.explanation().trim_end());
    Ok(())
}

/// Prints problems the way that an editor and a reader expect; in colour where someone looks.
pub(super) fn print(problems: &Problems) {
    let (place, caret, hint) = (Style::new().bold(), style(AnsiColor::Red).bold(), style(AnsiColor::Cyan));
    for problem in problems {
        for (n, line) in problem.to_string().lines().enumerate() {
            let style = match n {
                0 => place,
                _ if line.ends_with('^') => caret,
                _ if line.starts_with("  hint: ") => hint,
                _ => Style::new(),
            };
            anstream::eprintln!("{style}{line}{style:#}");
        }
    }
    let omitted = problems.count() - problems.iter().len();
    if omitted > 0 {
        anstream::eprintln!("and {omitted} more");
    }
}

fn style(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(color.into()))
}
