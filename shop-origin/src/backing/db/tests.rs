use super::*;

const COUNTER: Schema = Schema {
    owner: "counter",
    steps: &["CREATE TABLE counter (n INTEGER NOT NULL) STRICT; INSERT INTO counter VALUES (0)"],
};

fn open(folder: &Path) -> Db {
    Db::open(&folder.join("test.sqlite"), Durability::ProcessCrash, &[COUNTER]).unwrap()
}

async fn count(db: &Db) -> i64 {
    db.read(|tx| Ok::<_, Fault>(tx.query_row("SELECT n FROM counter", [], |row| row.get(0))?)).await.unwrap()
}

async fn increment(db: &Db) -> Result<(), Fault> {
    db.write(|tx| {
        let n: i64 = tx.query_row("SELECT n FROM counter", [], |row| row.get(0))?;
        tx.execute("UPDATE counter SET n = ?1", [n + 1])?;
        Ok(())
    })
    .await
}

/// Two handles on one file behave as two processes do: a read followed by a write is never interleaved.
#[tokio::test(flavor = "multi_thread")]
async fn writers_of_two_processes_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let processes = [open(folder.path()), open(folder.path())];
    let tasks: Vec<_> = (0..100)
        .map(|task| {
            let db = processes[task % 2].clone();
            tokio::spawn(async move { increment(&db).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(count(&processes[0]).await, 100);
}

#[tokio::test]
async fn a_failed_transaction_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let failed: Result<(), Fault> = db
        .write(|tx| {
            tx.execute("UPDATE counter SET n = 7", [])?;
            Err(Fault::Corrupt("on purpose".to_owned()))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn a_panic_in_the_work_costs_one_answer_and_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    for _ in 0..3 {
        let answer: Result<(), Fault> = db.write(|_| panic!("on purpose")).await;
        assert!(matches!(answer, Err(Fault::Interrupted)));
    }
    increment(&db).await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_does_not_cut_a_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let slow = {
        let db = db.clone();
        tokio::spawn(async move {
            db.write(move |tx| {
                tx.execute("UPDATE counter SET n = 41", [])?;
                begun.send(()).ok(); // the test may have failed already
                tx.execute("UPDATE counter SET n = n + 1", [])?;
                Ok::<_, Fault>(())
            })
            .await
        })
    };
    has_begun.await.unwrap();
    slow.abort();
    increment(&db).await.unwrap(); // takes its turn after the abandoned work
    assert_eq!(count(&db).await, 43);
}

#[test]
fn tables_of_a_newer_program_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let older = Schema { owner: "counter", steps: &[] };
    let refused = Db::open(&folder.path().join("test.sqlite"), Durability::ProcessCrash, &[older]);
    let message = refused.err().unwrap().to_string();
    assert_eq!(message, "the tables of counter are of version 1, this program knows 0; hint: start the newer program");
}
