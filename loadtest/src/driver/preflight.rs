//! One connection before the run: is the target there, what does it speak, and what the scenario has to find on it.

use http::{Method, StatusCode};
use memchr::memmem;

use super::connector::{Answer, Broken, Connector, Protocol};
use crate::measure::{Failure, Fault};
use crate::scenario::{Finding, Scenario};

/// Why the run cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PreflightError {
    /// The target cannot be reached or does not answer.
    #[error("the target does not answer: {0}")]
    Silent(Fault),
    /// The target answers with an error where the scenario looks something up.
    #[error("\"{name}\" cannot be looked up: {at} answered {status}; hint: is this the target of the scenario?")]
    Refused { name: String, at: String, status: StatusCode },
    /// The answer does not hold what the scenario looks for.
    #[error("\"{name}\" cannot be looked up: {at} has nothing between {after:?} and {before:?}")]
    NotFound { name: String, at: String, after: String, before: String },
}

/// Settles how to connect, and gives `scenario` the values that it looks up.
pub(crate) async fn preflight(connector: &mut Connector, scenario: &mut Scenario) -> Result<Protocol, PreflightError> {
    let timeout = scenario.timeout;
    let late = |_elapsed| PreflightError::Silent(Fault::new(Failure::Timeout, format!("nothing within {timeout:?}")));
    let settled = tokio::time::timeout(timeout, connector.settle()).await.map_err(late)?;
    let (_link, protocol) = settled.map_err(PreflightError::Silent)?;
    for finding in scenario.findings.clone() {
        let answer = tokio::time::timeout(timeout, get(connector, &finding.at)).await.map_err(late)?;
        let answer = answer.map_err(PreflightError::Silent)?;
        scenario.learn(finding.slot, find(finding, &answer)?);
    }
    Ok(protocol)
}

async fn get(connector: &Connector, path: &str) -> Result<Answer, Fault> {
    let request = connector.request(Method::GET, path)?;
    let mut link = connector.open().await?;
    link.exchange(request).await.map_err(|broken| match broken {
        Broken::NotBegun(_, fault) | Broken::Begun(fault) => fault,
    })
}

fn find(finding: Finding, answer: &Answer) -> Result<Vec<String>, PreflightError> {
    if answer.status != StatusCode::OK {
        return Err(PreflightError::Refused { name: finding.name, at: finding.at, status: answer.status });
    }
    let found = between(&answer.body, &finding.after, &finding.before);
    if found.is_empty() {
        let Finding { name, at, after, before, .. } = finding;
        return Err(PreflightError::NotFound { name, at, after, before });
    }
    Ok(found)
}

/// Every different text between `after` and the next `before`, in the order of the body.
fn between(body: &[u8], after: &str, before: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let starts = memmem::find_iter(body, after).map(|at| at + after.len());
    for start in starts {
        let Some(length) = memmem::find(&body[start..], before.as_bytes()) else { break };
        let text = String::from_utf8_lossy(&body[start..start + length]).into_owned();
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_texts_are_found_in_their_order() {
        let page = br#"<a href="/category/b"> <a href="/category/a"> <a href="/category/b"> <a href="/category/c"#;
        assert_eq!(between(page, "href=\"/category/", "\""), ["b", "a"]);
        assert!(between(page, "href=\"/product/", "\"").is_empty());
    }
}
