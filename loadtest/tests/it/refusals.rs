//! What does not start, and what is said about it.

use crate::program::{Program, one_page};

async fn refusal(target: &str, scenario: &str, rate: &str, duration: &str, more: &[&str]) -> String {
    let run = Program::run(target, scenario, rate, duration).with(more).finish().await;
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stdout, "", "a run that does not start reports nothing");
    run.stderr
}

/// 192.0.2.0/24 is set aside for documentation (RFC 5737): were it tried, this test would wait for a timeout.
#[tokio::test]
async fn a_remote_target_is_refused_before_anything_is_sent() {
    let said = refusal("https://192.0.2.1:8443", &one_page("1s"), "1", "1s", &[]).await;
    assert!(said.contains("is not this machine") && said.contains("--allow-remote"), "{said}");
}

#[tokio::test]
async fn load_without_bounds_is_refused() {
    for (rate, duration) in [("100000", "1h"), ("1", "61m"), ("100001", "1s"), ("0", "1s"), ("1", "20"), ("1", "0.5s")]
    {
        let said = refusal("http://127.0.0.1:9", &one_page("1s"), rate, duration, &[]).await;
        assert!(said.contains("rate") || said.contains("duration"), "{rate} {duration}: {said}");
    }
}

#[tokio::test]
async fn scenarios_that_are_not_there_are_named() {
    let said = refusal("http://127.0.0.1:9", "smokey", "1", "1s", &[]).await;
    assert!(said.contains("there is no scenario \"smokey\"") && said.contains("hint: smoke"), "{said}");
    let said = refusal("http://127.0.0.1:9", "absent.yaml", "1", "1s", &[]).await;
    assert!(said.contains("scenario file absent.yaml cannot be read: No such file"), "{said}");
}

#[tokio::test]
async fn a_target_that_is_not_there_is_told_before_the_load() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let said = refusal(&format!("http://127.0.0.1:{port}"), &one_page("1s"), "1", "1s", &[]).await;
    assert!(
        said.contains(&format!("the target does not answer: connect: 127.0.0.1:{port}: Connection refused")),
        "{said}"
    );
}

#[tokio::test]
async fn a_journal_needs_something_to_write() {
    let server = crate::server::Server::start(|_| async { crate::server::ok("ok") }).await;
    let said = refusal(&server.url(), &one_page("1s"), "1", "1s", &["--journal", "journal.jsonl"]).await;
    assert!(said.contains("has nothing to write to a journal"), "{said}");
}

#[tokio::test]
async fn an_authority_for_a_target_without_tls_is_refused() {
    let said = refusal("http://127.0.0.1:9", &one_page("1s"), "1", "1s", &["--ca", "ca.pem"]).await;
    assert!(said.contains("--ca has no meaning"), "{said}");
}
