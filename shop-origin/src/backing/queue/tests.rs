use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::*;
use crate::backing::db::{Db, Durability};
use crate::clock;

fn open(folder: &std::path::Path) -> Db {
    Db::open(&folder.join("test.sqlite"), Durability::ProcessCrash, &[SCHEMA]).unwrap()
}

async fn publish_one(db: &Db, topic: &'static str) {
    publish_about(db, topic, "subject").await;
}

async fn publish_about(db: &Db, topic: &'static str, subject: &'static str) {
    db.write(move |tx| publish(tx, topic, subject, &1, clock::now())).await.unwrap();
}

async fn waiting(db: &Db, subject: &'static str) -> bool {
    db.read(move |tx| is_waiting(tx, "bound", subject)).await.unwrap()
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

#[tokio::test]
async fn a_message_is_not_claimed_before_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    for _ in 0..3 {
        publish_one(&db, "bound").await;
    }
    let seen = db.clone();
    let look: Handler = Box::new(move |_| {
        let db = seen.clone();
        Box::pin(async move {
            let claimed = "SELECT count(*) FROM queue_outbox WHERE attempts > 0 AND delivered_ms IS NULL";
            let claimed = db.read(move |tx| Ok::<i64, Fault>(tx.query_row(claimed, [], |row| row.get(0))?)).await?;
            anyhow::ensure!(claimed == 1, "{claimed} leases run while one message is carried");
            Ok(())
        })
    });
    assert_eq!(Courier::new(db, [("bound", look)]).deliver("bound").await.unwrap(), 3);
}

#[tokio::test]
async fn a_courier_that_comes_late_leaves_the_next_ones_lease_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    publish_one(&db, "bound").await;
    let claimed_again = db.clone();
    let late: Handler = Box::new(move |_| {
        let db = claimed_again.clone();
        Box::pin(async move {
            let claim = "UPDATE queue_outbox SET attempts = attempts + 1, due_ms = 9000000000000";
            db.write(move |tx| Ok::<_, Fault>(tx.execute(claim, [])?)).await?;
            anyhow::bail!("on purpose")
        })
    });
    assert_eq!(Courier::new(db.clone(), [("bound", late)]).deliver("bound").await.unwrap(), 0);
    let due = "SELECT due_ms FROM queue_outbox";
    let due = db.read(move |tx| Ok::<i64, Fault>(tx.query_row(due, [], |row| row.get(0))?)).await.unwrap();
    assert_eq!(due, 9_000_000_000_000);
}

#[tokio::test]
async fn one_subject_can_be_carried_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    for subject in ["other", "wanted", "other"] {
        publish_about(&db, "bound", subject).await;
    }
    let courier = Courier::new(db.clone(), [("bound", counting(&Arc::default(), 0))]);
    assert_eq!(courier.deliver_about("bound", "wanted".to_owned()).await.unwrap(), 1);
    assert_eq!((waiting(&db, "wanted").await, waiting(&db, "other").await), (false, true));
    assert_eq!(courier.deliver("bound").await.unwrap(), 2);
}

#[tokio::test]
async fn a_delivery_ends_also_when_its_caller_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    publish_one(&db, "bound").await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (has_begun, may_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let slow: Handler = Box::new(move |_| {
        let (begun, go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
        Box::pin(async move {
            begun.notify_one();
            go_on.notified().await;
            Ok(())
        })
    });
    let courier = Courier::new(db.clone(), [("bound", slow)]);
    let caller = tokio::spawn(async move { courier.deliver_about("bound", "subject".to_owned()).await });
    has_begun.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    may_go_on.notify_one();
    let settled = async {
        while waiting(&db, "subject").await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), settled).await.expect("the message is delivered");
}
