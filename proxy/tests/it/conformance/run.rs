//! Runs a case against the edge, over one version of HTTP, and says what did not come as it must.

use std::time::{Duration, Instant};

use http::{HeaderMap, Method};
use reqwest::Client;

use super::{
    origin::{Asked, Origin},
    script::{Case, Expected, Step},
};
use crate::world::Edge;

/// How long what happens in the background may take.
const IN_THE_END: Duration = Duration::from_secs(10);

/// Where the cases run.
pub(super) struct World {
    pub(super) edge: Edge,
    pub(super) origin: Origin,
    /// With its name in a path.
    pub(super) clients: [(&'static str, Client); 2],
}

/// What a client got.
struct Got {
    status: u16,
    fields: HeaderMap,
    /// `None` if it broke off.
    body: Option<String>,
    asked: Vec<Asked>,
}

impl World {
    /// Runs a case, known by its number; what went wrong.
    pub(super) async fn run(
        &self,
        case_number: usize,
        case: &Case,
        (protocol, client): &(&'static str, Client),
    ) -> Result<(), String> {
        let path = format!("/{}/{protocol}/{case_number}", case.policy);
        for (number, step) in case.steps.iter().enumerate() {
            self.origin.script(&path, step.origin.clone(), text(&path, number));
            let end = Instant::now() + IN_THE_END;
            loop {
                let got = self.ask(&path, step, client).await?;
                let wrong = step.expected.iter().find_map(|expected| wrong(expected, &got, case, &path, number));
                match wrong {
                    None => break,
                    Some(_) if step.in_the_end && Instant::now() < end => {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    Some(wrong) => {
                        let Got { status, fields, body, asked } = got;
                        return Err(format!(
                            "{} ({protocol}), step {number}: {wrong}\n    got {status} {fields:?}\n    {body:?}\n    the origin was asked {asked:?}",
                            case.name
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    async fn ask(&self, path: &str, step: &Step, client: &Client) -> Result<Got, String> {
        let before = self.origin.asked(path).len();
        let target = format!("{path}{}", step.at);
        // The certificate is for one host alone.
        let url = if step.host.is_some() { self.edge.plain(&target) } else { self.edge.secure(&target) };
        let mut request = client.request(Method::from_bytes(step.method.as_bytes()).unwrap(), url);
        for (name, value) in &step.fields {
            request = request.header(*name, value);
        }
        if let Some(host) = step.host {
            request = request.header("host", host);
        }
        if !step.body.is_empty() {
            request = request.body(step.body);
        }
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(_broken) => {
                // Broken off before its header is broken off as well.
                let asked = self.origin.asked(path).split_off(before);
                return Ok(Got { status: 0, fields: HeaderMap::new(), body: None, asked });
            }
        };
        let (status, fields) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.ok().map(|body| String::from_utf8_lossy(&body).into_owned());
        let asked = self.origin.asked(path).split_off(before);
        Ok(Got { status, fields, body, asked })
    }
}

/// The text by which an answer is known again.
fn text(path: &str, step: usize) -> String {
    format!("{path} answer {step}")
}

/// Why a result is not what it must be; `None` if it is.
fn wrong(expected: &Expected, got: &Got, case: &Case, path: &str, number: usize) -> Option<String> {
    let is = |holds: bool, what: String| (!holds).then_some(what);
    let said = |name: &str| {
        let lines: Vec<_> =
            got.fields.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    };
    let body_of = |step: usize| case.steps[step].origin.body.clone().unwrap_or_else(|| text(path, step));
    let bodyless = case.steps[number].method == "HEAD" || matches!(got.status, 0 | 204 | 206 | 304 | 416);
    let body_is = |step: usize| bodyless || got.body == Some(body_of(step));
    let asked = got.asked.len();
    let seen = |name: &str| got.asked.last().and_then(|asked| asked.field(name));
    match expected {
        Expected::FromOrigin => is(asked > 0 && body_is(number), "it must come from the origin".to_owned()),
        Expected::Stored(step) => is(asked == 0 && body_is(*step), format!("it must be what step {step} has stored")),
        Expected::Confirmed(step) | Expected::Hidden(step) => {
            is(asked > 0 && body_is(*step), format!("the origin must be asked, and step {step}'s answer be served"))
        }
        Expected::Refused => is(asked == 0 && got.status >= 400, "it must be refused by the edge".to_owned()),
        Expected::Asked(times) => is(asked == *times, format!("the origin must be asked {times} times")),
        Expected::Status(status) => is(got.status == *status, format!("its status must be {status}")),
        Expected::Says(name, value) => {
            is(said(name).as_deref() == Some(value), format!("it must say {name}: {value}, not {:?}", said(name)))
        }
        Expected::Contains(name, part) => {
            is(said(name).is_some_and(|said| said.contains(part)), format!("{name} must hold {part}"))
        }
        Expected::Without(name, part) => {
            is(said(name).is_none_or(|said| !said.contains(part)), format!("{name} must not hold {part}"))
        }
        Expected::Lacks(name) => is(said(name).is_none(), format!("it must not say {name}")),
        Expected::Age(seconds) => {
            let age = said("age").and_then(|age| age.parse::<u64>().ok());
            is(
                age.is_some_and(|age| (*seconds..seconds + 30).contains(&age)),
                format!("its age must be about {seconds}"),
            )
        }
        Expected::Body(body) => is(got.body.as_ref() == Some(body), format!("its body must be {body:?}")),
        Expected::BodyContains(part) => {
            is(got.body.as_ref().is_some_and(|body| body.contains(part)), format!("its body must hold {part:?}"))
        }
        Expected::BreaksOff => is(got.body.is_none() || got.status >= 500, "it must break off".to_owned()),
        Expected::OriginSaw(name, value) => {
            is(seen(name).as_deref() == Some(value), format!("the origin must see {name}: {value}"))
        }
        Expected::OriginSawPart(name, part) => {
            is(seen(name).is_some_and(|seen| seen.contains(part)), format!("the origin must see {part} in {name}"))
        }
        Expected::OriginSawNo(name) => {
            is(asked > 0 && seen(name).is_none(), format!("the origin must be asked without {name}"))
        }
    }
}
