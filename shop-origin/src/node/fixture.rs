//! For tests: one small shop in a folder of its own, opened twice as two processes would open it.

use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::Node;
use crate::backing::secret::SharedKey;
use crate::backing::state::StateFolder;
use crate::clock::Timestamp;
use crate::membership::api::{Member, MemberId, Visitor};
use crate::product::api::SkuId;
use crate::product::seed::catalogue;
use crate::shopping::api::{Address, Checkout, CheckoutKey, PaymentMethod, Quantity};

/// The first SKU of the seeded catalogue.
pub(crate) const SKU: SkuId = 1_000_101;
pub(crate) const NOON: Timestamp = Timestamp::from_ms(1_794_312_000_000);

/// Two nodes on one state folder.
pub(crate) struct Twins {
    pub(crate) folder: TempDir,
    pub(crate) nodes: [Node; 2],
}

impl Twins {
    /// A catalogue of 60 SKUs, and no stock.
    pub(crate) async fn open() -> Twins {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open_or_create(folder.path()).unwrap();
        let provider = || "http://127.0.0.1:1".parse().unwrap();
        let nodes = [Node::open(&state, provider()).unwrap(), Node::open(&state, provider()).unwrap()];
        nodes[0].catalogue.fill(catalogue(1, 60), 1).await.unwrap();
        Twins { folder, nodes }
    }

    /// The same with some pieces of one SKU.
    pub(crate) async fn with_stock(sku: SkuId, pieces: u32) -> Twins {
        let twins = Twins::open().await;
        twins.supply(sku, pieces).await;
        twins
    }

    pub(crate) async fn supply(&self, sku: SkuId, pieces: u32) {
        self.nodes[0].shopping.supply(vec![(sku / 100, sku, pieces)]).await.unwrap();
    }

    /// The key that a payment provider would share.
    pub(crate) fn key(&self) -> SharedKey {
        StateFolder::of(self.folder.path()).payment_key().unwrap()
    }

    /// The database, to look at it or to spoil it.
    pub(crate) fn database(&self) -> Connection {
        Connection::open(StateFolder::of(self.folder.path()).database_path()).unwrap()
    }

    pub(crate) fn count(&self, sql: &str) -> i64 {
        self.database().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Available, reserved, sold.
    pub(crate) fn stock(&self, sku: SkuId) -> (i64, i64, i64) {
        let sql = "SELECT available, reserved, sold FROM shopping_stock WHERE sku = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        self.database().query_row(sql, [sku.cast_signed()], row).unwrap()
    }

    /// A buyer with something in the cart.
    pub(crate) async fn buyer(&self, id: MemberId, sku: SkuId, pieces: u32) -> (Member, Visitor) {
        let (member, visitor) = member(id);
        let quantity = Quantity::new(pieces).unwrap();
        self.nodes[0].shopping.set_in_cart(&visitor, sku, Some(quantity), NOON).await.unwrap();
        (member, visitor)
    }

    /// An order of one buyer; its number.
    pub(crate) async fn order(&self, id: MemberId, sku: SkuId, pieces: u32, payment: PaymentMethod) -> String {
        let (member, visitor) = self.buyer(id, sku, pieces).await;
        let checkout =
            checkout(&format!("order-key-{id}-{}", self.count("SELECT count(*) FROM shopping_order")), payment);
        self.nodes[0].shopping.check_out(&member, &visitor, checkout, NOON).await.unwrap().receipt.number
    }
}

pub(crate) fn member(id: MemberId) -> (Member, Visitor) {
    let member = Member { id, name: format!("Member {id}"), email: format!("{id}@example.com") };
    let visitor = Visitor { member: Some(member.clone()), guest: None };
    (member, visitor)
}

pub(crate) fn checkout(key: &str, payment: PaymentMethod) -> Checkout {
    let address = Address {
        recipient: "Ada Park".to_owned(),
        phone: "13800138000".to_owned(),
        region: "Shanghai".to_owned(),
        city: "Pudong".to_owned(),
        street: "88 Century Avenue".to_owned(),
        postcode: "200120".to_owned(),
    };
    Checkout { key: CheckoutKey::parse(key).unwrap(), address, payment, quote: None }
}

pub(crate) fn after(minutes: u64) -> Timestamp {
    NOON.plus(Duration::from_secs(minutes * 60))
}
