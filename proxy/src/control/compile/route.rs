//! One route of a checked configuration, ready to serve.

use std::sync::Arc;

use bytes::Bytes;
use config::model::{self, Body, ByteSize, Destination, Live, PathPattern};
use http::HeaderValue;

use super::CompileError;
use crate::{
    control::file,
    request::{
        admission, caching::key, files, header_rules::HeaderRules, limit::RateLimiter, respond::Fixed, split::Split,
        template::Template,
    },
    snapshot::{Action, Arm, Forward, Pool, Route, Snapshot},
    telemetry::metric::{Metrics, NONE},
};

/// Largest file that is an answer by itself: it stays in memory.
const ANSWER_MAX: ByteSize = ByteSize(1 << 20);

/// What a route is compiled in.
pub(super) struct Around<'a> {
    pub(super) live: &'a Live,
    pub(super) pools: &'a [Arc<Pool>],
    /// Rate limits of all routes together.
    pub(super) limits: usize,
    pub(super) metrics: &'a Metrics,
    pub(super) previous: Option<&'a Snapshot>,
}

/// Compiles a route; reads the file that it answers with.
pub(super) fn compile(index: usize, model: &model::Route, around: &Around<'_>) -> Result<Route, CompileError> {
    let action = match &model.action {
        model::Action::Forward(forward) => Action::Forward(Box::new(compile_forward(model, forward, around))),
        model::Action::Redirect(redirect) => {
            Action::Redirect { model: redirect.clone(), to: templates(&redirect.to, &model.paths) }
        }
        model::Action::Respond(respond) => Action::Respond(fixed(index, respond)?),
        model::Action::Files(folder) => {
            check_folder(index, folder)?;
            Action::Files(folder.clone())
        }
    };
    let class = match &action {
        Action::Forward(forward) => &forward.class,
        Action::Redirect { .. } | Action::Respond(_) | Action::Files(_) => NONE,
    };
    Ok(Route {
        number: rand::random(),
        limits: limits(model, around),
        response_headers: HeaderRules::new(&model.response_headers),
        metrics: around.metrics.route(&model.name, class),
        action,
        model: model.clone(),
    })
}

/// Checks what the route at a position names outside of the configuration.
pub(in crate::control) fn check_outside(index: usize, model: &model::Route) -> Result<(), CompileError> {
    match &model.action {
        model::Action::Forward(_) | model::Action::Redirect(_) => Ok(()),
        model::Action::Respond(respond) => fixed(index, respond).map(drop),
        model::Action::Files(folder) => check_folder(index, folder),
    }
}

fn check_folder(index: usize, model: &model::Files) -> Result<(), CompileError> {
    files::check(model).map_err(|cause| CompileError::Folder { index, path: model.root.clone(), cause })
}

/// The limits of a route; one that was there before keeps its counts.
fn limits(model: &model::Route, around: &Around<'_>) -> Vec<Arc<RateLimiter>> {
    let before = around.previous.and_then(|before| before.routes.iter().find(|route| route.model.name == model.name));
    let limits = model.rate.iter().enumerate().map(|(at, limit)| {
        let same = before.and_then(|route| route.limits.get(at)).filter(|before| before.model == *limit);
        same.cloned().unwrap_or_else(|| Arc::new(RateLimiter::new(limit.clone(), around.limits)))
    });
    limits.collect()
}

fn compile_forward(route: &model::Route, model: &model::Forward, around: &Around<'_>) -> Forward {
    let split = match &model.to {
        Destination::Pool(_) => None,
        Destination::Split(split) => Some(split),
    };
    let arm = |id: model::PoolId| {
        let pool = &around.pools[id.index()];
        Arm {
            ceiling: admission::ceiling(pool.model.limit, model.class),
            key_scope: key::of_route(route, split.map(|_| pool.model.name.as_str())),
            pool: Arc::clone(pool),
        }
    };
    let arms: Vec<_> = model.to.pools().map(arm).collect();
    Forward {
        class: around.live.classes[model.class.index()].clone(),
        split: split.map(|split| Split::new(split, arms.iter().map(|arm| arm.pool.model.name.clone()))),
        arms,
        zone: model.cache.as_ref().map(|cache| around.live.zones[cache.zone.index()].clone()),
        tags: model.cache.as_ref().map(|cache| tags(&cache.tags.add, &route.paths)).unwrap_or_default(),
        rewrite: model.rewrite.path.as_ref().map(|path| templates(path, &route.paths)).unwrap_or_default(),
        request_headers: HeaderRules::new(&model.request_headers),
        model: model.clone(),
    }
}

/// The tags of the answers to each path of a route.
fn tags(templates: &[model::Template], paths: &[PathPattern]) -> Vec<Vec<Template>> {
    paths.iter().map(|path| templates.iter().map(|template| Template::new(template, path)).collect()).collect()
}

/// A template for each path of a route.
fn templates(template: &model::Template, paths: &[PathPattern]) -> Vec<Template> {
    paths.iter().map(|path| Template::new(template, path)).collect()
}

fn fixed(index: usize, model: &model::Respond) -> Result<Fixed, CompileError> {
    let content_type = model.content_type.as_ref();
    let body = match &model.body {
        Body::Empty => Bytes::new(),
        Body::Text(text) => Bytes::from(text.clone()),
        Body::File(path) => {
            let content = file::read(path, ANSWER_MAX);
            content.map(Bytes::from).map_err(|cause| CompileError::Answer { index, path: path.clone(), cause })?
        }
    };
    Ok(Fixed {
        status: model.status,
        content_type: content_type.map(|t| HeaderValue::from_str(t).expect("the configuration checks values")),
        body,
    })
}
