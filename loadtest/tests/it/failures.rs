//! What goes wrong is counted with its reason, and nothing that was due vanishes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::program::{Finished, Program, one_page};
use crate::server::{Server, ok};

/// Every planned request is in exactly one place.
fn assert_nothing_vanished(run: &Finished) {
    let [planned, failed, timed, timeouts] =
        ["/total/planned", "/total/failed", "/total/response_ms/count", "/total/failures/timeout"]
            .map(|pointer| run.count(pointer));
    // The timed ones are those that succeeded and those that timed out.
    assert_eq!(planned, failed + timed - timeouts, "{}", run.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_answers_are_told_apart() {
    let turn = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |_| {
        let turn = turn.fetch_add(1, Ordering::SeqCst);
        async move {
            match turn % 4 {
                0 => {
                    let mut refused = ok("try later");
                    *refused.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    refused
                }
                1 => ok("something else"),
                2 => {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    ok("ok")
                }
                _ => ok("ok"),
            }
        }
    })
    .await;
    let run = Program::run(&server.url(), &one_page("300ms"), "40", "1s").finish().await;
    for reason in ["status 503", "marker", "timeout"] {
        assert_eq!(run.number(&format!("/total/failures/{reason}")), 10.0, "{}", run.stdout);
    }
    assert_eq!(run.number("/total/answered"), 30.0);
    assert_nothing_vanished(&run);
    assert!(run.stdout.contains("instead of 200: try later"), "{}", run.stdout);
    // A visitor who waited in vain is in the percentiles, with the time that he waited.
    assert!(run.number("/total/response_ms/max") >= 300.0, "{}", run.stdout);
    run.assert_missed_or_void();
}

/// HTTP/1.1 over two connections to a server that never answers in time: two requests leave, all others are due and
/// cannot. They count as failed, and the run is void: its bound, not the target, decided it.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_sent_counts_as_failed_and_voids_the_run() {
    let server = Server::start(|_| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        ok("ok")
    })
    .await;
    let run = Program::run(&server.url(), &one_page("3s"), "50", "1s").with(&["--connections", "2"]).finish().await;
    assert_eq!(run.number("/total/planned"), 50.0, "{}", run.stdout);
    assert_eq!(run.number("/total/sent"), 2.0, "{}", run.stdout);
    assert_eq!(run.number("/total/failures/not sent"), 48.0, "{}", run.stdout);
    assert_eq!(run.number("/total/failures/timeout"), 2.0, "{}", run.stdout);
    assert_nothing_vanished(&run);
    assert_eq!((run.code, run.report["verdict"].as_str()), (2, Some("void")), "{}", run.stdout);
    assert!(!run.stdout.contains("missed") && !run.stdout.contains("met:"), "{}", run.stdout);
}

/// A server that hangs up after each answer without having said so: each request needs a new connection. None fails,
/// unless the next one is quicker than the hanging up, for which the server has 50 ms.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_replaced() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                if stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                }
            });
        }
    });
    let run = Program::run(&url, &one_page("3s"), "20", "1s").finish().await;
    accepting.abort();
    let (answered, resets) = (run.number("/total/answered"), run.count("/total/failures/reset"));
    assert_eq!(answered + resets, 20.0, "{}", run.stdout);
    assert!(resets <= 2.0, "{}", run.stdout);
    assert!(run.number("/generator/connections_opened") >= answered, "{}", run.stdout);
    assert_nothing_vanished(&run);
}

/// A server that answers half, and one that does not speak HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn broken_answers_are_counted() {
    for (said, reason) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nok"[..], "reset"),
        (&b"220 smtp.example.com ready\r\n\r\n"[..], "protocol"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let accepting = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    if stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                        stream.write_all(said).await.ok();
                    }
                });
            }
        });
        let run = Program::run(&url, &one_page("3s"), "10", "1s").finish().await;
        accepting.abort();
        assert_eq!(run.number(&format!("/total/failures/{reason}")), 10.0, "{}", run.stdout);
        assert_nothing_vanished(&run);
    }
}

/// The target goes away in the middle: the rest of the run is refused connections, each of them counted. One that the
/// kernel has accepted when the port closes, and the server has not, is reset.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_goes_away_is_counted_to_the_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        // The preflight's connection and two more; then the port closes.
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            if stream.read(&mut request).await.is_ok_and(|length| length > 0) {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await.unwrap();
            }
        }
    });
    let run = Program::run(&url, &one_page("3s"), "20", "1s").finish().await;
    accepting.await.unwrap();
    assert_eq!(run.number("/total/planned"), 20.0, "{}", run.stdout);
    let (refused, resets) = (run.count("/total/failures/connect"), run.count("/total/failures/reset"));
    assert_eq!(refused + resets, 18.0, "{}", run.stdout);
    assert!(run.stdout.contains(&format!("connect {refused} (the first: Connection refused")), "{}", run.stdout);
    assert_nothing_vanished(&run);
}

/// Of independent visitors at one per second, none comes in the first second with a probability of 1/e, and with this
/// seed.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_which_nobody_came_is_void() {
    let server = Server::start(|_| async { ok("ok") }).await;
    let program = Program::run(&server.url(), &one_page("3s"), "1", "1s");
    let run = program.with(&["--arrival", "poisson", "--seed", "1"]).finish().await;
    assert_eq!(run.number("/total/planned"), 0.0, "{}", run.stdout);
    assert_eq!((run.code, run.report["verdict"].as_str()), (2, Some("void")), "{}", run.stdout);
    assert!(run.stdout.contains("no request was due"), "{}", run.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_with_a_report() {
    let server = Server::start(|_| async { ok("ok") }).await;
    let program = Program::run(&server.url(), &one_page("3s"), "50", "1h");
    let mut child = program.spawn();
    // The first progress line says that the run is under way.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.contains("p99 so far"), "{line}");
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let run = program.collect(child).await;
    assert_eq!(
        (run.code, run.report["verdict"].as_str()),
        (2, Some("void")),
        "a fragment proves nothing: {}",
        run.stdout
    );
    assert_eq!(run.report["reasons"][0], "the run was interrupted; hint: let it go on to its end");
    assert_eq!(run.report["interrupted"], true);
    assert!(run.number("/elapsed_s") < 60.0 && run.number("/total/answered") >= 40.0, "{}", run.stdout);
    assert_nothing_vanished(&run);
    assert!(run.stdout.contains("interrupted: this is not the whole run"), "{}", run.stdout);
}
