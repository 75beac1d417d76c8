//! A new process takes the sockets over, and no client notices.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{
    origin::Origin,
    world::{Edge, LONG, config, wait_until},
};

const ROUTES: &str = "  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: other, match: {path: /other}, pool: origin, class: browse}";

fn signal(process: &str, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), process]).status().unwrap().success());
}

fn pid_file(edge: &Edge) -> String {
    std::fs::read_to_string(edge.folder().join("edge.pid")).unwrap().trim().to_owned()
}

/// One request on a connection of its own.
fn ask(address: SocketAddr) -> Result<String, std::io::Error> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(LONG))?;
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    client.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_that_another_process_answers() {
    let origin = Origin::fixed("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let address = edge.address("plain");
    let (going_on, answered) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (going_on, answered) = (Arc::clone(&going_on), Arc::clone(&answered));
            std::thread::spawn(move || {
                while going_on.load(Ordering::Relaxed) {
                    let answer = ask(address).unwrap();
                    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer:?}");
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut process = pid_file(&edge);
    for workers in [1, 3, 2, 2] {
        edge.rewrite_config(|text| {
            let now = text.find("workers: ").unwrap();
            format!("{}workers: {workers}{}", &text[..now], &text[now + "workers: 2".len()..])
        });
        signal(&process, "QUIT");
        let earlier = process.clone();
        wait_until("another process serves", async || pid_file(&edge) != earlier).await;
        process = pid_file(&edge);
        assert_eq!(edge.successors().last(), Some(&process));
        wait_until("the earlier one has gone", async || !is_running(&earlier)).await;
        let before = answered.load(Ordering::Relaxed);
        wait_until("requests go on", async || answered.load(Ordering::Relaxed) > before + 20).await;
    }
    going_on.store(false, Ordering::Relaxed);
    clients.into_iter().for_each(|client| client.join().unwrap());
    let log = edge.log_text();
    assert_eq!(log.matches("stopped; every request in flight was answered").count(), 4, "{log}");
}

/// Whether a process lives; one that nobody waits for any more does not.
fn is_running(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat"));
    status.is_ok_and(|status| !status.contains(") Z "))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_flight_is_answered_by_the_process_that_has_it() {
    let (origin, gate) = Origin::gated("hello", &[]).await;
    let edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let address = edge.address("plain");
    let earlier = pid_file(&edge);
    let waiting = std::thread::spawn(move || ask(address).unwrap());
    wait_until("it is in flight", async || origin.asked().len() == 1).await;
    signal(&earlier, "QUIT");
    edge.wait_for_log("handed over; this process answers what is in flight");
    let next = std::thread::spawn(move || ask(address).unwrap());
    wait_until("the new process answers", async || origin.asked().len() == 2).await;
    let metrics = edge.metrics().await;
    assert!(metrics.contains("floodgate_pool_in_flight{pool=\"origin\"} 1"), "operators meet the new one: {metrics}");
    assert!(is_running(&earlier));
    gate.open(2);
    assert!(waiting.join().unwrap().ends_with("hello") && next.join().unwrap().ends_with("hello"));
    wait_until("the earlier one has gone", async || !is_running(&earlier)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_cannot_serve_takes_nothing_over() {
    let origin = Origin::fixed("hello", &[]).await;
    let mut edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let process = pid_file(&edge);
    edge.rewrite_config(|text| text.replace("classes:", "klasses:"));
    for _ in 0..2 {
        signal(&process, "QUIT");
    }
    edge.wait_for_log("hand-over failed, this process goes on: the new process ended before it was ready");
    // It says why, in the log that both share.
    edge.wait_for_log("unknown key `klasses`");
    assert!(ask(edge.address("plain")).unwrap().ends_with("hello"));
    assert_eq!(pid_file(&edge), process);
    edge.signal("TERM");
    assert!(edge.wait().await.success());
    assert!(!edge.folder().join("edge.pid").exists());
}

/// What stands at the program's path when it is handed over is what is started.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_another_program_is_followed_anew() {
    let origin = Origin::fixed("hello", &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let (link, marker) = (folder.path().join("current"), folder.path().join("marker"));
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_edge"), &link).unwrap();
    let edge = Edge::start_in(folder, &link, &config(&[origin.address], "", ROUTES));
    let other = edge.folder().join("other");
    std::fs::write(&other, format!("#!/bin/sh\ntouch {}\n", marker.display())).unwrap();
    std::fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&other, &link).unwrap();
    edge.signal("QUIT");
    edge.wait_for_log("hand-over failed, this process goes on");
    assert!(marker.exists());
    assert!(ask(edge.address("plain")).unwrap().ends_with("hello"));
}

/// Nobody else hears of it: the new process is not a child of whoever manages the service.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_new_process_ends_the_earlier_one() {
    let (origin, _gate) = Origin::gated("hello", &[]).await;
    let mut edge = Edge::start(&config(&[origin.address], "", ROUTES));
    let address = edge.address("plain");
    let waiting = std::thread::spawn(move || ask(address));
    wait_until("it is in flight", async || origin.asked().len() == 1).await;
    edge.signal("QUIT");
    edge.wait_for_log("handed over; this process answers what is in flight");
    signal(edge.successors().last().unwrap(), "KILL");
    assert!(!edge.wait().await.success());
    edge.wait_for_log("which took over, has ended");
    drop(waiting.join());
}
