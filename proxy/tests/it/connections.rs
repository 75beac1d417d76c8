//! Connections: how many, at which addresses, and how they end.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use crate::{
    origin::Origin,
    world::{Edge, LONG, config, wait_until},
};

const ROUTES: &str = "  - {name: all, match: {path: /**}, pool: origin, class: core}
  - {name: other, match: {path: /other}, pool: origin, class: browse}";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A client that has said nothing yet.
fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    client
}

/// Whether a request is answered on this connection.
fn is_served(client: &mut TcpStream) -> bool {
    let mut beginning = [0; 12];
    client.write_all(REQUEST).is_ok() && client.read_exact(&mut beginning).is_ok() && beginning.ends_with(b" 200")
}

fn is_closed(client: &mut TcpStream) -> bool {
    match client.read(&mut [0; 1024]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

/// Key: listeners.*.connections
/// Key: listeners.*.connections.max
/// Key: listeners.*.connections.per_address
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_holds_so_many_connections_and_no_more() {
    let origin = Origin::fixed("hello", &[]).await;
    for (limit, reason) in [
        ("{max: 3}", "listener_full"),
        ("{per_address: 3}", "client_full"),
        ("{max: 4, per_address: 3}", "client_full"),
    ] {
        let text = config(&[origin.address], "", ROUTES)
            .replace("max_header: 16KiB}", &format!("max_header: 16KiB, connections: {limit}}}"));
        let edge = Edge::start(&text);
        let address = edge.address("plain");
        let mut held: Vec<_> = (0..3).map(|_| connect(address)).collect();
        assert!(held.iter_mut().all(is_served), "{limit}");
        edge.wait_for_metric("floodgate_connections{listener=\"plain\"} 3").await;
        let max = if limit.contains("max") { limit[6..7].parse().unwrap() } else { 20_000 };
        edge.wait_for_metric(&format!("floodgate_connections_max{{listener=\"plain\"}} {max}")).await;
        assert!(is_closed(&mut connect(address)), "{limit}");
        let refused = format!("floodgate_connections_refused_total{{listener=\"plain\",reason=\"{reason}\"}} 1");
        edge.wait_for_metric(&refused).await;
        drop(held.pop());
        edge.wait_for_metric("floodgate_connections{listener=\"plain\"} 2").await;
        assert!(is_served(&mut connect(address)), "{limit}: a place is free again");
    }
}

/// Whoever stands before the edge for many is not one client.
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_may_hold_as_many_connections_as_there_are() {
    let origin = Origin::fixed("hello", &[]).await;
    let text = config(&[origin.address], "", ROUTES)
        .replace("max_header: 16KiB}", "max_header: 16KiB, connections: {per_address: 1}}")
        .replace("classes:", "trusted_proxies: [\"127.0.0.0/8\"]\nclasses:");
    let edge = Edge::start(&text);
    let mut held: Vec<_> = (0..3).map(|_| connect(edge.address("plain"))).collect();
    assert!(held.iter_mut().all(is_served));
}

/// Key: process.drain_delay
#[tokio::test(flavor = "multi_thread")]
async fn readiness_goes_before_the_doors_close() {
    let origin = Origin::fixed("hello", &[]).await;
    let text = config(&[origin.address], "", ROUTES).replace("workers: 2,", "workers: 2, drain_delay: 1s,");
    let mut edge = Edge::start(&text);
    let (plain, ready) = (edge.address("plain"), format!("http://{}/readyz", edge.address("admin")));
    let began = Instant::now();
    edge.signal("TERM");
    wait_until("not ready", async || reqwest::get(&ready).await.is_ok_and(|answer| answer.status() == 503)).await;
    assert!(is_served(&mut connect(plain)), "the doors are still open");
    assert!(edge.wait().await.success());
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_come_change_and_go_by_reload() {
    let origin = Origin::fixed("hello", &[]).await;
    let text = config(&[origin.address], "", ROUTES);
    let edge = Edge::start(&text);
    let mut client = connect(edge.address("plain"));
    assert!(is_served(&mut client));

    // One more, which shares nothing with the others.
    edge.rewrite_config(|text| text.replace("listeners:\n", "listeners:\n  third: {bind: \"127.0.0.1:0\"}\n"));
    edge.signal("HUP");
    let third = edge.address("third");
    let mut idle = connect(third);
    assert!(is_served(&mut idle));
    drain_answer(&mut idle);
    drain_answer(&mut client);
    assert!(is_served(&mut client), "who was there stays");

    // It goes: who waits there is let go, and nobody comes in any more.
    edge.rewrite_config(|text| text.replace("  third: {bind: \"127.0.0.1:0\"}\n", ""));
    edge.signal("HUP");
    wait_until("the address is closed", async || TcpStream::connect(third).is_err()).await;
    assert!(is_closed(&mut idle));
    drain_answer(&mut client);
    assert!(is_served(&mut client));

    // An address that cannot be had changes nothing.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    edge.rewrite_config(|text| {
        text.replace("listeners:\n", &format!("listeners:\n  third: {{bind: \"{address}\"}}\n"))
    });
    edge.signal("HUP");
    edge.wait_for_log("E0405 listeners.third.bind: cannot listen on");
    drain_answer(&mut client);
    assert!(is_served(&mut client));
}

/// Reads the rest of the answer whose beginning [`is_served`] has read.
fn drain_answer(client: &mut TcpStream) {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"hello") {
        client.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
}

/// Whoever was told by the system that it is connected is served, however late.
#[tokio::test(flavor = "multi_thread")]
async fn who_stands_before_a_closing_door_is_let_in() {
    const CLIENTS: usize = 300;
    let origin = Origin::fixed("hello", &[]).await;
    let mut edge = Edge::start(
        &config(&[origin.address], "", ROUTES)
            .replace("max_header: 16KiB}", "max_header: 16KiB, connections: {per_address: 1000}}"),
    );
    let address = edge.address("plain");
    edge.signal("STOP");
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| connect(address)).collect();
    for client in &mut clients {
        client.write_all(REQUEST).unwrap();
    }
    edge.signal("TERM");
    edge.signal("CONT");
    let served = tokio::task::spawn_blocking(move || {
        let ask = |client: &mut TcpStream| {
            let mut beginning = [0; 12];
            client.read_exact(&mut beginning).is_ok() && beginning.ends_with(b" 200")
        };
        clients.iter_mut().filter_map(|client| ask(client).then_some(())).count()
    });
    assert_eq!(served.await.unwrap(), CLIENTS);
    assert!(edge.wait().await.success());
}

/// An edge that leaves opens nothing any more, whatever its file says.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_file_opens_no_door_of_an_edge_that_leaves() {
    let (origin, gate) = Origin::gated("hello", &[]).await;
    let text = config(&[origin.address], "", ROUTES).replace("workers: 2,", "workers: 2, watch: true,");
    let mut edge = Edge::start(&text);
    let address = edge.address("plain");
    let mut client = connect(address);
    client.write_all(REQUEST).unwrap();
    wait_until("it is in flight", async || origin.asked().len() == 1).await;
    edge.signal("TERM");
    wait_until("the doors are closed", async || TcpStream::connect(address).is_err()).await;
    edge.rewrite_config(|text| text.replace("max_header: 16KiB", "max_header: 8KiB"));
    edge.signal("HUP");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(TcpStream::connect(address).is_err() && !edge.log_text().contains("reloaded"), "{}", edge.log_text());
    gate.open(1);
    drain_answer(&mut client);
    assert!(edge.wait().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_can_become_a_wider_one() {
    let origin = Origin::fixed("hello", &[]).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bind = |address: &str| format!("plain: {{bind: [\"{address}:{}\"]", free.port());
    let text = config(&[origin.address], "", ROUTES).replace("plain: {bind: [\"127.0.0.1:0\"]", &bind("127.0.0.1"));
    let edge = Edge::start(&text);
    edge.rewrite_config(|text| text.replace(&bind("127.0.0.1"), &bind("0.0.0.0")));
    edge.signal("HUP");
    edge.wait_for_log("configuration reloaded");
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], free.port()));
    assert!(is_served(&mut connect(elsewhere)));
    // As long as the old socket is there, the system prefers it for its own address.
    wait_until("the old address is served by the new door", async || is_served(&mut connect(free))).await;
}
