//! What would happen to one request, and why, without sending it: `edge explain`.
//!
//! The stages of `request/` decide, as they do for a real request; here they are asked one after the other, and what
//! each says is kept. What only a running edge knows (tokens left, requests in flight, health, what is stored) is added
//! by [`state`].

use config::model::{
    Action, ClientAuth, Config, Destination, Files, Forward, HeaderRules, HostPattern, Listener, PathPattern, PoolId,
    RateKey, Respond, Route, Segment,
};
use http::{Method, header};
use pingora::http::{RequestHeader, ResponseHeader};

mod question;
mod explanation;
mod caching;
mod pool;
pub(crate) mod state;

pub(crate) use explanation::Explanation;
pub(crate) use question::{Asked, Question, QuestionError};

use crate::request::{
    caching::key,
    exchange::Exchange,
    files,
    identify::{self, Facts, Raw, Trust, is_too_large, network},
    refusal::Refusal,
    respond,
    route::{self, Candidate, Found, Router, Verdict},
    split::{Client, Split},
    template::{Template, rest},
};
use explanation::{Answer, Class, Limit, Origin, OtherRoute, Request, RouteFound};

/// Finds where a dotted path of the configuration is written.
pub(crate) type Places<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Explains one request under a configuration.
pub(crate) fn explain(config: &Config, question: &Question, places: Places<'_>) -> Result<Explanation, QuestionError> {
    let listener = question.listener(config)?;
    let name = config.live.listeners[listener].name.clone();
    let mut explanation = Explanation { listener: name, ..Explanation::default() };
    let decided = match question.header() {
        Ok(header) => decide(&Way { config, question, header: &header, places }, listener, &mut explanation),
        Err(_invalid) => Err(Refusal::BadRequest("it cannot be sent")),
    };
    if let Err(refusal) = decided {
        explanation.answer = Answer::refused(&refusal);
    }
    Ok(explanation)
}

/// The request and what it meets.
#[derive(Clone, Copy)]
struct Way<'a> {
    config: &'a Config,
    question: &'a Question,
    header: &'a RequestHeader,
    places: Places<'a>,
}

/// Everything up to the route, in the order of `request.rs`.
fn decide(way: &Way<'_>, listener: usize, explanation: &mut Explanation) -> Result<(), Refusal> {
    let Way { config, question, header, .. } = *way;
    if is_too_large(header, &config.live.listeners[listener]) {
        return Err(Refusal::HeaderTooLarge);
    }
    let raw = Raw {
        peer: question.client(),
        tls: question.is_tls(),
        target: header.raw_path(),
        authority: None,
        headers: &header.headers,
    };
    let trust = Trust { proxies: &config.live.trusted_proxies, fields: config.live.forwarding_fields };
    let facts = identify::identify(&raw, trust)?;
    explanation.request = Some(Request {
        client: facts.client,
        host: facts.host.clone(),
        path: facts.path.clone(),
        query: facts.query.clone(),
    });
    let listener = &config.live.listeners[listener];
    let serving = listener.redirect_to.map_or(listener, |to| &config.live.listeners[to.index()]);
    if !serves(serving, &facts.host) {
        return Err(Refusal::Misdirected);
    }
    if listener.redirect_to.is_some() {
        let sent = respond::redirect(&facts.host, serving.public_port, &facts.path, facts.query.as_deref());
        explanation.answer = redirected(&sent.map_err(|_invalid| Refusal::Internal)?);
        return Ok(());
    }
    let chosen = find_route(way, &facts, explanation)?;
    act(way, &facts, &chosen, explanation)
}

/// The route that serves the request.
struct Chosen<'a> {
    /// Its dotted path: `routes[2]`.
    at: String,
    route: &'a Route,
    /// The pattern that matched.
    pattern: &'a PathPattern,
}

/// Whether a listener answers for a host: a plain one for any, a TLS listener where it has a certificate.
fn serves(listener: &Listener, host: &str) -> bool {
    let mut names = listener.certificates().iter().flat_map(|certificate| &certificate.names);
    listener.certificates().is_empty()
        || names.any(|name| match name {
            HostPattern::Exact(name) => name == host,
            HostPattern::Wildcard(domain) => host.split_once('.').is_some_and(|(_, below)| below == domain),
        })
}

fn find_route<'a>(way: &Way<'a>, facts: &Facts, explanation: &mut Explanation) -> Result<Chosen<'a>, Refusal> {
    let routes = &way.config.live.routes;
    let router = Router::new(routes);
    let asked = route::Asked {
        host: &facts.host,
        path: &facts.path,
        method: way.header.method.as_str(),
        query: facts.query.as_deref(),
        headers: &way.header.headers,
    };
    for Candidate { id, route, host, path, verdict } in router.explain(routes, &asked) {
        if verdict == Verdict::Serves {
            explanation.route = Some(RouteFound {
                name: route.name.clone(),
                host: host.map(ToString::to_string),
                path: path.raw.clone(),
                place: (way.places)(&format!("routes[{}]", id.index())),
            });
        } else {
            explanation.other_routes.push(OtherRoute { name: route.name.clone(), why: verdict.to_string() });
        }
    }
    match router.find(&asked) {
        Found::Route { id, pattern } => {
            let route = &routes[id.index()];
            Ok(Chosen { at: format!("routes[{}]", id.index()), route, pattern: &route.paths[pattern] })
        }
        Found::OtherMethods(allow) => Err(Refusal::MethodNotAllowed(allow)),
        Found::Nothing => Err(Refusal::NoRoute),
    }
}

fn asks_for_certificates(config: &Config, listener: &str) -> bool {
    let listener = config.live.listeners.iter().find(|known| known.name == listener);
    let tls = listener.and_then(|listener| listener.tls.as_ref());
    tls.is_some_and(|tls| tls.client_certificates != ClientAuth::None)
}

/// What the route does.
fn act(way: &Way<'_>, facts: &Facts, chosen: &Chosen<'_>, explanation: &mut Explanation) -> Result<(), Refusal> {
    let Chosen { route, pattern, .. } = *chosen;
    explanation.needs_client_certificate = route.needs_client_certificate;
    if route.needs_client_certificate && !asks_for_certificates(way.config, &explanation.listener) {
        return Err(Refusal::NoClientCertificate);
    }
    let limits = route.rate.iter().map(|limit| {
        let key = match limit.per {
            RateKey::Address => format!("address {}", facts.client),
        };
        Limit { key, rate: limit.at.to_string(), burst: limit.burst, left: None }
    });
    explanation.limits = limits.collect();
    explanation.answer = match &route.action {
        Action::Forward(forward) => {
            if identify::content_length(&way.header.headers).is_some_and(|length| length > forward.max_body.0) {
                explanation.class = Some(class(way, forward));
                return Err(Refusal::BodyTooLarge);
            }
            forwarded(way, facts, chosen, forward, explanation);
            Answer::Forwarded
        }
        Action::Redirect(model) => {
            let to = Template::new(&model.to, pattern).fill(&facts.path, &facts.host);
            let sent = respond::elsewhere(model, &to, facts.query.as_deref(), "");
            redirected(&sent.map_err(|_invalid| Refusal::Internal)?)
        }
        Action::Respond(Respond { status, content_type, .. }) => {
            Answer::Fixed { status: *status, content_type: content_type.clone() }
        }
        Action::Files(_) if ![Method::GET, Method::HEAD].contains(&way.header.method) => {
            return Err(Refusal::MethodNotAllowed("GET, HEAD".to_owned()));
        }
        Action::Files(folder) => file(facts, folder, pattern)?,
    };
    Ok(())
}

/// What stands at the path in the folder now.
fn file(facts: &Facts, folder: &Files, pattern: &PathPattern) -> Result<Answer, Refusal> {
    let at = pattern.segments.iter().position(|segment| *segment == Segment::Rest).unwrap_or_default();
    match files::look(folder, rest(&facts.path, at), facts.path.ends_with('/'))? {
        files::Found::File(name) => {
            // A name below the folder starts with `./`.
            let path = folder.root.join(name.strip_prefix(".").unwrap_or(&name));
            Ok(Answer::File { path: path.display().to_string() })
        }
        files::Found::Folder => {
            let location = files::with_slash(&facts.path, facts.query.as_deref());
            Ok(Answer::Redirected { status: 308, location })
        }
    }
}

fn redirected(sent: &ResponseHeader) -> Answer {
    let location = sent.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    Answer::Redirected { status: sent.status.as_u16(), location: location.unwrap_or_default().to_owned() }
}

fn class(way: &Way<'_>, forward: &Forward) -> Class {
    let classes = &way.config.live.classes;
    Class { name: classes[forward.class.index()].clone(), rank: forward.class.0 + 1, of: classes.len() }
}

fn forwarded(way: &Way<'_>, facts: &Facts, chosen: &Chosen<'_>, forward: &Forward, explanation: &mut Explanation) {
    explanation.class = Some(class(way, forward));
    let choices = choices(way, facts, forward);
    let split = matches!(forward.to, Destination::Split(_));
    let scopes = choices.iter().map(|(pool, _)| {
        let pool = split.then(|| way.config.live.pools[pool.index()].name.as_str());
        key::of_route(chosen.route, pool)
    });
    explanation.cache = Some(caching::explain(way, facts, chosen, forward, &scopes.collect::<Vec<_>>()));
    explanation.stream = stream(way, forward);
    let path = forward.rewrite.path.as_ref().map(|to| Template::new(to, chosen.pattern).fill(&facts.path, &facts.host));
    let path = path.as_ref().unwrap_or(&facts.path);
    explanation.origin = Some(Origin {
        target: facts.query.as_ref().map_or_else(|| path.clone(), |query| format!("{path}?{query}")),
        host: forward.rewrite.host.as_ref().unwrap_or(&facts.authority).clone(),
        header_changes: changes(&forward.request_headers),
    });
    explanation.pools =
        choices.into_iter().map(|(id, chosen)| pool::explain(way, facts, id, chosen, forward)).collect();
}

/// What it asks for that would stay open, and what becomes of that.
fn stream(way: &Way<'_>, forward: &Forward) -> Option<String> {
    let asked = Exchange::of(way.header.version, &way.header.headers).name()?;
    Some(match forward.streams {
        true => format!("{asked}: may stay open, silent for up to `timeouts.stream` of the pool"),
        false => format!("{asked}, but the route has no `streams`: it is answered like any other request"),
    })
}

/// The pools that it may go to, each with the reason: several only where chance decides.
fn choices(way: &Way<'_>, facts: &Facts, forward: &Forward) -> Vec<(PoolId, Option<String>)> {
    let model = match &forward.to {
        Destination::Pool(pool) => return vec![(*pool, None)],
        Destination::Split(split) => split,
    };
    let names = model.shares.iter().map(|share| way.config.live.pools[share.pool.index()].name.clone());
    let client = Client { network: network(facts.client), headers: &way.header.headers };
    let choice = Split::new(model, names).choose(&client, 0);
    if !choice.drawn {
        let share = model.shares[choice.arm];
        return vec![(share.pool, Some(format!("by {}", model.by)))];
    }
    let total: u32 = model.shares.iter().map(|share| u32::from(share.weight)).sum();
    let drawn = model.shares.iter().filter(|share| share.weight > 0);
    drawn.map(|share| (share.pool, Some(format!("drawn, {} in {total}", share.weight)))).collect()
}

/// Header rules in words.
fn changes(rules: &HeaderRules) -> Vec<String> {
    let removed = rules.remove.iter().map(|name| format!("without {name}"));
    let set = rules.set.iter().map(|(name, value)| format!("with {name}: {value}"));
    let added = rules.add.iter().map(|(name, value)| format!("with one more {name}: {value}"));
    removed.chain(set).chain(added).collect()
}
