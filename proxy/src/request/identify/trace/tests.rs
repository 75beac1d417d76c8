//! Traces are joined by strict rules, and otherwise begun.

use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
        .collect()
}

fn begun() -> Trace {
    Trace::begin(NonZeroU128::new(0xabc).unwrap(), NonZeroU64::new(0xdef).unwrap(), false)
}

fn joined(fields: &[(&'static str, &str)]) -> Trace {
    let mut trace = begun();
    trace.join(&headers(fields));
    trace
}

#[test]
fn a_trace_goes_on_with_a_span_of_our_own() {
    for (sent, passed_on) in [
        (PARENT, "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000def-01"),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000def-02",
        ),
        (
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000def-01",
        ),
        (
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what the future is like",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000def-01",
        ),
    ] {
        assert_eq!(joined(&[("traceparent", sent)]).to_string(), passed_on, "{sent}");
    }
}

#[test]
fn anything_else_begins_a_trace() {
    let restarted = "00-00000000000000000000000000000abc-0000000000000def-02";
    for sent in [
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0é",
    ] {
        let trace = joined(&[("traceparent", sent), ("tracestate", "a=1")]);
        assert_eq!((trace.to_string().as_str(), trace.state()), (restarted, None), "{sent}");
    }
    assert_eq!(joined(&[("traceparent", PARENT), ("traceparent", PARENT)]).to_string(), restarted, "two of them");
}

#[test]
fn a_stranger_names_a_trace_and_nothing_else() {
    for sampled in [false, true] {
        let mut trace = Trace { sampled, ..begun() };
        trace.join_stranger(&headers(&[("traceparent", PARENT), ("tracestate", "a=1")]));
        let flags = u8::from(sampled);
        assert_eq!(trace.to_string(), format!("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000def-0{flags}"));
        assert_eq!(trace.state(), None);
    }
}

#[test]
fn a_state_is_passed_on_whole_or_not_at_all() {
    let state = |lines: &[&str]| {
        let lines = lines.iter().map(|line| ("tracestate", *line));
        joined(&std::iter::once(("traceparent", PARENT)).chain(lines).collect::<Vec<_>>()).state().map(str::to_owned)
    };
    assert_eq!(state(&["a=1, b@c=x y z ,,", "0*/_-=!"]).as_deref(), Some("a=1,b@c=x y z,0*/_-=!"));
    assert_eq!(state(&[" "]), None);
    for broken in ["a", "a=", "=1", "A=1", "_a=1", "a=1,a=2", "a=b=c", "a=1,b=\u{e9}", "a=1\tb"] {
        assert_eq!(state(&[broken]), None, "{broken}");
    }
    let many = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
    assert_eq!(state(&[&many(32)]), Some(many(32)));
    assert_eq!(state(&[&many(33)]), None);
}

#[test]
fn a_state_that_is_too_long_loses_its_long_members_and_then_the_oldest() {
    let member = |key: &str, length: usize| format!("{key}={}", "v".repeat(length - 2));
    let short = ["a", "b", "c", "d", "e"].map(|key| member(key, 100));
    let sent = format!("{},{},{}", short[0], member("l", 200), short[1..].join(","));
    let kept = joined(&[("traceparent", PARENT), ("tracestate", &sent)]);
    assert_eq!(kept.state(), Some(short.join(",").as_str()));
    let sent = format!("{},{}", short.join(","), member("f", 100));
    let kept = joined(&[("traceparent", PARENT), ("tracestate", &sent)]);
    assert_eq!(kept.state(), Some(short.join(",").as_str()));
}

proptest! {
    #[test]
    fn what_is_sent_on_can_be_joined(id in 1..u128::MAX, span in 1..u64::MAX, sampled: bool, tail in "[ -~]{0,20}") {
        let trace = Trace::begin(NonZeroU128::new(id).unwrap(), NonZeroU64::new(span).unwrap(), sampled);
        let mut next = begun();
        next.join(&headers(&[("traceparent", &trace.to_string())]));
        prop_assert_eq!(&next, &Trace { span: begun().span, ..trace.clone() });
        next.join(&headers(&[("traceparent", &format!("{}{tail}", &PARENT[..40]))]));
    }
}
