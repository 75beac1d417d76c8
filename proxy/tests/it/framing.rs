//! Where one request ends and the next begins: what can be read in two ways is refused.

use std::collections::HashSet;

use crate::{
    malformed::CASES,
    recording::{RawOrigin, ask, status},
    world::{Edge, config},
};

const ROUTES: &str = "  - {name: all, match: {path: /**}, pool: origin, class: core}\n  - {name: unused, match: {path: /unused}, pool: origin, class: browse}";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn each_case_is_there_once() {
    let names: HashSet<_> = CASES.iter().map(|case| case.name).collect();
    let bytes: HashSet<_> = CASES.iter().map(|case| case.sent.bytes()).collect();
    assert_eq!((names.len(), bytes.len()), (CASES.len(), CASES.len()));
    assert!(CASES.len() >= 60 && CASES.iter().all(|case| matches!(case.status, 400..=599)));
}

#[tokio::test]
async fn what_is_malformed_is_refused_and_reaches_no_origin() {
    let origin = RawOrigin::start(&[OK]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let mut wrong = Vec::new();
    for case in CASES {
        match ask(edge.address("plain"), case.sent.bytes()).await {
            Ok(answer) if status(&answer) == Some(case.status) => {
                let head = answer.split_once("\r\n\r\n").map_or("", |(head, _)| head).to_ascii_lowercase();
                if !head.contains("\r\nconnection: close") {
                    wrong.push(format!("{}: it does not say that it closes: {head}", case.name));
                }
            }
            other => wrong.push(format!("{}: {} is expected, not {other:?}", case.name, case.status)),
        }
        let next = ask(edge.address("plain"), "GET /fine HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        if next.as_deref().map(status) != Ok(Some(200)) {
            wrong.push(format!("after {}: {next:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), CASES.len(), wrong.join("\n"));
    let received = origin.settled().await;
    let (fine, malformed): (Vec<_>, Vec<_>) = received.iter().partition(|one| one.bytes.starts_with(b"GET /fine "));
    assert_eq!(fine.len(), CASES.len());
    let complete: Vec<_> = malformed.into_iter().filter(|one| one.is_complete()).collect();
    assert!(complete.is_empty(), "the origin saw whole requests: {complete:?}");
    let refusals = edge.metrics().await;
    assert!(refusals.contains(r#"floodgate_refusals_total{class="-",reason="unknown_coding"} 1"#), "{refusals}");
    assert!(refusals.contains(r#"floodgate_refusals_total{class="-",reason="unsupported_version"} 3"#), "{refusals}");
}
