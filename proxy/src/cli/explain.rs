//! `edge explain`: what would happen to one request, without sending it.

use std::path::Path;

use anyhow::{Result, anyhow};
use config::Sources;

use super::Format;
use crate::control::explain::{self, Asked, Question};

/// Explains a request under a file alone.
pub(super) fn explain(file: &Path, asked: Asked, format: Format) -> Result<()> {
    let question = Question::try_from(asked)?;
    let sources = Sources::read(file).map_err(|problems| anyhow!("{problems}"))?;
    let config = sources.interpret().map_err(|problems| anyhow!("{problems}"))?;
    let explanation = explain::explain(&config, &question, &|path| sources.place(path))?;
    match format {
        Format::Json => println!("{}", serde_json::to_string_pretty(&explanation)?),
        Format::Human => print!("{explanation}"),
    }
    Ok(())
}
