//! Telemetry: what is written down about requests.

use super::describe::{Form, Shape};
use super::read::{Read, Written, mapping, text, words};
use crate::{
    model::{LogTarget, Percent, TraceFrom},
    problem::{At, Code, Report},
    tree::Node,
};

mapping! {
    /// What is written down about requests.
    #[derive(Default)]
    Telemetry {
        /// One JSON object per request.
        optional access_log: AccessLog,

        /// Which trace each request belongs to: `traceparent` and `tracestate` (W3C Trace Context) towards origins, and
        /// `trace` in the access log.
        optional trace: Trace,
    }
}

mapping! {
    /// Which trace each request belongs to.
    #[derive(Default)]
    Trace {
        /// Whose traces go on: those of `trusted_proxies`, or also those of `anyone`, for browsers and apps that begin
        /// one. Others get a trace begun here. A client that is no trusted proxy only ever names the trace: whether it is
        /// recorded says `sample`, and its `tracestate` is dropped. Default `trusted_proxies`, because a stranger who
        /// chooses trace ids can muddle up the traces of others. Live.
        optional from: TraceFrom,

        /// Share of the traces begun here that origins are asked to record, by the flag `sampled`. Default `1%`: some of
        /// everything, at a cost that a sale day does not change; most tracing libraries then follow it. Live.
        optional sample: Percent,
    }
}

words! {
    TraceFrom {
        "trusted_proxies" => TraceFrom::TrustedProxies,
        "anyone" => TraceFrom::Anyone,
    }
}

mapping! {
    /// One JSON object per request.
    #[derive(Default)]
    AccessLog {
        /// Where to: `off`, `stdout`, or `file:` and a path, which starts from the folder of this file if it is
        /// relative. Default `stdout`: the service manager knows where logs belong. Live; each reload opens the file
        /// anew, for log rotation.
        optional to: Written<LogTarget>,

        /// Share of the requests that is logged; refusals and errors always are. Default `100%`: sampling is a
        /// decision. Live.
        optional sample: Percent,
    }
}

impl Read for LogTarget {
    fn read(node: &Node, at: &At, report: &mut Report) -> Option<Self> {
        let text = text(node, at, report, "`off`, `stdout` or `file:PATH`")?;
        match (text, text.strip_prefix("file:")) {
            ("off", _) => return Some(Self::Off),
            ("stdout", _) => return Some(Self::Stdout),
            (_, Some(path)) if !path.is_empty() => return Some(Self::File(path.into())),
            _ => {}
        }
        let message = format!("expected `off`, `stdout` or `file:PATH`, found `{text}`");
        if text.contains('/') {
            report.refuse_with_hint(Code::UnknownWord, at, message, format!("did you mean `file:{text}`?"));
        } else {
            report.refuse(Code::UnknownWord, at, message);
        }
        None
    }

    fn shape() -> Shape {
        let file = Form { what: "a file", example: "file:../log/access.log", pattern: "^file:." };
        Shape::Either(vec![Shape::Words(vec!["off", "stdout"]), Shape::Text(file)])
    }
}
