//! The store beneath Pingora's real proxy loop: a scripted origin, plain sockets, no clock but the client's slowness.

#[expect(clippy::unwrap_used, reason = "a test that cannot set up its world has failed")]
mod world;

use std::time::Duration;
use world::{Client, World};

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_share_one_fill_and_its_bytes_as_they_come() {
    let world = World::start(8 * MIB, MIB).await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(world.get("/gated").await);
    }
    for client in &mut clients {
        client.read_until_body_has(world::HALF).await;
    }
    world.open_gate();
    for client in clients {
        assert!(client.read_to_end().await == Some(world::body(2 * world::HALF)));
    }
    assert_eq!(world.requests_at_origin(), 1);
    assert!(world.get("/gated").await.read_to_end().await == Some(world::body(2 * world::HALF)));
    assert_eq!(world.requests_at_origin(), 1, "and now it is stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leading_client_that_leaves_does_not_end_the_fill() {
    let world = World::start(8 * MIB, MIB).await;
    let mut leader = world.get("/gated").await;
    leader.read_until_body_has(world::HALF).await;
    let mut follower = world.get("/gated").await;
    follower.read_until_body_has(world::HALF).await;
    drop(leader);
    world.open_gate();
    assert!(follower.read_to_end().await == Some(world::body(2 * world::HALF)));
    assert_eq!(world.requests_at_origin(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_body_is_torn_for_everybody_and_not_stored() {
    let world = World::start(8 * MIB, MIB).await;
    let mut clients = [world.get("/torn").await, world.get("/torn").await];
    for client in &mut clients {
        client.read_until_body_has(world::HALF).await;
    }
    world.open_gate();
    for client in clients {
        assert_eq!(client.read_to_end().await, None, "no proper end");
    }
    assert_eq!(world.requests_at_origin(), 1);
    assert_eq!(world.stat().objects, 0);
    drop(world.get("/torn").await.read_to_end().await);
    assert_eq!(world.requests_at_origin(), 2);
}

/// The case in which a store that let its writer wait for its reader would hang: both are one task.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_leading_client_gets_a_body_too_long_to_keep() {
    let world = World::start(8 * MIB, MIB).await;
    let mut slow: Client = world.get("/long").await;
    slow.pause_between_reads(Duration::from_micros(500));
    assert!(slow.read_to_end().await == Some(world::body(world::LONG)));
    let stat = world.stat();
    assert_eq!((stat.pass_throughs, stat.objects), (1, 0), "{stat:?}");
    assert!(stat.bytes < 100_000, "all that was held has been let go of: {stat:?}");
}

/// A client that takes nothing for some 0.8 s is cut off, and one on a busy machine may do so for no fault of the store's.
/// So there are several tries; without the store's patience, each of them fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slower_followers_get_a_body_too_long_to_keep() {
    for _ in 0..5 {
        if slower_followers_get_it_whole().await {
            return;
        }
    }
    panic!("some follower was cut off each time");
}

async fn slower_followers_get_it_whole() -> bool {
    let world = World::start(64 * MIB, 2 * MIB).await;
    let mut clients = [world.get("/long").await, world.get("/long").await, world.get("/long").await];
    clients[2].pause_between_reads(Duration::from_micros(500));
    let reading: Vec<_> = clients.into_iter().map(|client| tokio::spawn(client.read_to_end())).collect();
    let mut all = true;
    for body in reading {
        match body.await.expect("it does not panic") {
            Some(body) => assert!(body == world::body(world::LONG)),
            None => all = false,
        }
    }
    all
}
