use std::time::Duration;

use super::api::{EntryError, Member, Membership, Sid, Visitor};
use super::session;
use crate::clock::Timestamp;
use crate::node::fixture::{NOON, Twins};

async fn register(twins: &Twins, email: &str) -> Result<Member, EntryError> {
    twins.nodes[0].membership.register("Ada", email, "secret words", NOON).await
}

async fn visitor(membership: &Membership, sid: &Sid, now: Timestamp) -> Visitor {
    membership.visitor(sid, now).await.unwrap().0
}

#[tokio::test]
async fn an_account_is_opened_once_per_address_and_entered_with_its_password() {
    let twins = Twins::open().await;
    let ada = register(&twins, "Ada@example.com").await.unwrap();
    assert!(matches!(register(&twins, "ada@EXAMPLE.com").await, Err(EntryError::Taken)));

    let elsewhere = &twins.nodes[1].membership;
    assert_eq!(elsewhere.authenticate(" ADA@example.com", "secret words").await.unwrap(), ada);
    for (email, password) in [
        ("ada@example.com", "Secret words"),
        ("bob@example.com", "secret words"),
        ("not an address", "secret words"),
        ("ada@example.com", ""),
        ("ada@example.com", &"x".repeat(1_000_000)),
    ] {
        let answer = elsewhere.authenticate(email, password).await;
        assert!(matches!(answer, Err(EntryError::WrongCredentials)), "{email}");
    }
}

#[tokio::test]
async fn a_login_has_a_new_session_that_remembers_the_guest() {
    let twins = Twins::open().await;
    let [here, there] = [&twins.nodes[0].membership, &twins.nodes[1].membership];
    let ada = register(&twins, "ada@example.com").await.unwrap();
    let (before, guest) = here.begin_guest(NOON).await.unwrap();
    assert_eq!(visitor(there, &before, NOON).await, guest);

    let after = here.begin(ada.clone(), Some(before.clone()), NOON).await.unwrap();
    assert!(after != before);
    assert_eq!(visitor(there, &before, NOON).await, Visitor::default());
    assert_eq!(visitor(there, &after, NOON).await, Visitor { member: Some(ada), guest: guest.guest });

    there.end(&after).await.unwrap();
    assert_eq!(visitor(here, &after, NOON).await, Visitor::default());
}

#[tokio::test]
async fn a_session_lives_on_while_it_is_used() {
    let twins = Twins::open().await;
    let membership = &twins.nodes[0].membership;
    let (sid, guest) = membership.begin_guest(NOON).await.unwrap();
    let mut now = NOON;
    for _ in 0..5 {
        now = now.plus(session::LIFE - Duration::from_secs(1));
        assert_eq!(visitor(membership, &sid, now).await, guest);
    }
    assert_eq!(visitor(membership, &sid, now.plus(session::LIFE)).await, Visitor::default());
}
