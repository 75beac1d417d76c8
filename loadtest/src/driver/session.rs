//! One visitor: arrives when due, then waits for each answer, and thinks, before the next request.

use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderValue, Request, header};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::check::{self, Taken};
use super::connector::{Answer, Body};
use super::worker::Worker;
use crate::clock::{self, Moment};
use crate::measure::{Counted, Failure, Fault, Lap, served_from_cache};
use crate::scenario::{Escape, Step};

/// What a visitor remembers between requests.
struct Visitor {
    /// By slot of the scenario.
    values: Vec<String>,
    /// Names and values. Sessions are short and have one origin: paths and expiry do not matter to them.
    cookies: Vec<(String, String)>,
}

/// When a request is due.
#[derive(Clone, Copy)]
struct Due {
    at: Moment,
    /// Whether that was known beforehand; else it is when the answer before it was there.
    foreseen: bool,
}

/// The whole visit of the visitor with this number, who is due now.
pub(super) async fn visit(worker: Rc<Worker>, number: u64, arrival: Moment) {
    let mut random = StdRng::seed_from_u64(worker.seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let session = worker.scenario.choose(&mut random);
    let unique = format!("{:016x}{number:08x}", worker.run);
    let mut visitor = Visitor { values: worker.scenario.draw(session, &mut random, unique), cookies: Vec::new() };
    let mut due = Due { at: arrival, foreseen: true };
    for step in &session.steps {
        if !step.think.is_zero() {
            due = Due { at: due.at + step.think, foreseen: true };
            if worker.alarm.until(due.at).await.is_err() {
                return; // the worker itself reports that its alarm has failed
            }
        }
        match perform(&worker, step, due, &mut visitor).await {
            Some(done) => due = Due { at: done, foreseen: false },
            None => return,
        }
    }
    worker.session_completed();
}

/// One step: when it was done, or `None` when the visit ends with it: it failed, which is counted, or there was nothing
/// that the visitor could go on with.
async fn perform(worker: &Worker, step: &Step, due: Due, visitor: &mut Visitor) -> Option<Moment> {
    let interaction = step.interaction;
    worker.measured.borrow_mut().planned(interaction);
    let request = match visitor.request(worker, step) {
        Ok(request) => request,
        Err(fault) => return fail(worker, step, &fault, None),
    };
    let Some(flight) = worker.take_off(interaction) else {
        let bound = format!("{} requests were under way", worker.in_flight_max);
        return fail(worker, step, &Fault::new(Failure::Unsent, bound), None);
    };
    let sent = clock::now();
    worker.measured.borrow_mut().sent(interaction, due.foreseen.then(|| sent.since(due.at)));
    let exchange = tokio::time::timeout(worker.scenario.timeout, worker.pool.exchange(request)).await;
    let done = clock::now();
    flight.land();
    let lap = Lap { service: done.since(sent), response: done.since(due.at) };
    let timeout = || Fault::new(Failure::Timeout, format!("no whole answer in {:?}", worker.scenario.timeout));
    let answer = match exchange.unwrap_or_else(|_elapsed| Err(timeout())) {
        Ok(answer) => answer,
        Err(fault) => return fail(worker, step, &fault, Some(lap)),
    };
    worker.measured.borrow_mut().answered(interaction, counted(&answer));
    visitor.take_cookies(&answer);
    let taken = match check::take(step, &answer, &mut visitor.values) {
        Ok(taken) => taken,
        Err(fault) => return fail(worker, step, &fault, Some(lap)),
    };
    worker.measured.borrow_mut().succeeded(interaction, lap);
    if let Some(fields) = &step.journal {
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value.fill(&visitor.values, Escape::None)));
        worker.write_journal(fields);
    }
    (taken == Taken::All).then_some(done)
}

fn fail(worker: &Worker, step: &Step, fault: &Fault, lap: Option<Lap>) -> Option<Moment> {
    worker.measured.borrow_mut().failed(step.interaction, fault, lap);
    None
}

fn counted(answer: &Answer) -> Counted {
    Counted {
        status: answer.status.as_u16(),
        body_bytes: answer.body.len() as u64,
        cache_hit: served_from_cache(answer.headers.get_all("cache-status").iter().map(HeaderValue::as_bytes)),
    }
}

impl Visitor {
    fn request(&self, worker: &Worker, step: &Step) -> Result<Request<Body>, Fault> {
        let path = step.path.fill(&self.values, Escape::Path);
        let mut request = worker.pool.request(step.method.clone(), &path)?;
        let mut set = |name, value: String| match HeaderValue::try_from(value) {
            Ok(value) => Ok(request.headers_mut().insert(name, value)),
            Err(error) => Err(Fault::from_error(Failure::Request, &error)),
        };
        for (name, value) in &step.headers {
            set(name.clone(), value.fill(&self.values, Escape::None))?;
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            set(header::COOKIE, cookies.join("; "))?;
        }
        if let Some(body) = &step.body {
            set(header::CONTENT_TYPE, "application/json".to_owned())?;
            *request.body_mut() = Body::new(Bytes::from(body.fill(&self.values, Escape::Json)));
        }
        Ok(request)
    }

    fn take_cookies(&mut self, answer: &Answer) {
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let Some((name, value)) = line.to_str().ok().and_then(read_cookie) else { continue };
            self.cookies.retain(|(known, _)| known != name);
            // A server takes a cookie back by setting it empty.
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

/// Name and value of a `Set-Cookie` line (RFC 6265 section 5.2).
fn read_cookie(line: &str) -> Option<(&str, &str)> {
    let pair = line.split(';').next()?;
    let (name, value) = pair.split_once('=')?;
    Some((name.trim(), value.trim())).filter(|(name, _)| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn cookies_are_kept_replaced_and_taken_back() {
        let mut visitor = Visitor { values: Vec::new(), cookies: Vec::new() };
        let mut answer = |lines: &[&str]| {
            let lines = lines.iter().map(|line| (header::SET_COOKIE, line.parse().unwrap()));
            let headers = HeaderMap::from_iter(lines);
            visitor.take_cookies(&Answer { status: StatusCode::OK, headers, body: Bytes::new() });
            visitor.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
        };
        assert_eq!(answer(&["sid=a=1; HttpOnly; Path=/", "cart=2"]), ["sid=a=1", "cart=2"]);
        assert_eq!(answer(&["sid=b"]), ["cart=2", "sid=b"]);
        assert_eq!(answer(&["sid=; Max-Age=0", "nonsense", "=x"]), ["cart=2"]);
    }
}
