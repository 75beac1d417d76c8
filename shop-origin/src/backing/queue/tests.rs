use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::backing::db::{Db, Durability};
use crate::clock;

fn open(folder: &std::path::Path) -> Db {
    Db::open(&folder.join("test.sqlite"), Durability::ProcessCrash, &[SCHEMA]).unwrap()
}

async fn publish_one(db: &Db, topic: &'static str) {
    db.write(move |tx| publish(tx, topic, "subject", &1, clock::now())).await.unwrap();
}

/// A consumer that counts what it takes, and refuses the first `refusals`.
fn counting(taken: &Arc<AtomicUsize>, refusals: usize) -> Handler {
    let taken = Arc::clone(taken);
    Box::new(move |_| {
        let seen = taken.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            anyhow::ensure!(seen >= refusals, "on purpose");
            Ok(())
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_couriers_deliver_each_message_once() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (open(folder.path()), open(folder.path()));
    for _ in 0..100 {
        publish_one(&one, "bound").await;
    }
    let taken = Arc::default();
    let couriers = [one, two].map(|db| Courier::new(db, [("bound", counting(&taken, 0))]));
    let (first, second) = tokio::join!(couriers[0].deliver("bound"), couriers[1].deliver("bound"));
    assert_eq!(first.unwrap() + second.unwrap(), 100);
    assert_eq!(taken.load(Ordering::SeqCst), 100);
}

#[tokio::test]
async fn what_a_consumer_refuses_comes_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    publish_one(&db, "bound").await;
    let taken = Arc::default();
    let courier = Courier::new(db.clone(), [("bound", counting(&taken, 1))]);
    assert_eq!(courier.deliver("bound").await.unwrap(), 0);
    assert_eq!(courier.deliver("bound").await.unwrap(), 0, "it is not due yet");

    db.write(|tx| Ok::<_, Fault>(tx.execute("UPDATE queue_outbox SET due_ms = 0", [])?)).await.unwrap();
    assert_eq!(courier.deliver("bound").await.unwrap(), 1);
    assert_eq!(taken.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_message_nobody_has_bound_to_is_done_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    publish_one(&db, "unbound").await;
    publish_one(&db, "bound").await;
    let taken = Arc::default();
    let courier = Courier::new(db, [("bound", counting(&taken, 0))]);
    assert_eq!(courier.dismiss_unbound().await.unwrap(), 1);
    assert_eq!(courier.dismiss_unbound().await.unwrap(), 0);
    assert_eq!(courier.deliver("bound").await.unwrap(), 1);
}
