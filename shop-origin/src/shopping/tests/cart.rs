use crate::clock::Timestamp;
use crate::membership::api::Visitor;
use crate::node::fixture::{NOON, SKU, Twins, after, member};
use crate::shopping::api::{Quantity, ShoppingError};

fn pieces(pieces: u32) -> Quantity {
    Quantity::new(pieces).unwrap()
}

fn guest() -> Visitor {
    Visitor { member: None, guest: Some("guest".to_owned()) }
}

#[tokio::test]
async fn a_cart_adds_up_and_stops_at_what_there_is() {
    let twins = Twins::with_stock(SKU, 5).await;
    let [here, there] = [&twins.nodes[0].shopping, &twins.nodes[1].shopping];
    here.add_to_cart(&guest(), SKU, pieces(2), NOON).await.unwrap();
    there.add_to_cart(&guest(), SKU, pieces(3), NOON).await.unwrap();
    assert_eq!(here.cart_pieces(&guest(), NOON).await.unwrap(), 5);
    let more = here.add_to_cart(&guest(), SKU, pieces(1), NOON).await;
    assert!(matches!(more, Err(ShoppingError::Short(_, 5))), "{more:?}");
    let unknown = here.add_to_cart(&guest(), 7, pieces(1), NOON).await;
    assert!(matches!(unknown, Err(ShoppingError::UnknownSku(7))));

    let cart = here.cart(&guest(), NOON).await.unwrap();
    assert_eq!(cart.totals.goods, cart.lines[0].offer.price.times(5));
    here.set_in_cart(&guest(), SKU, None, NOON).await.unwrap();
    assert!(here.cart(&guest(), NOON).await.unwrap().lines.is_empty());
}

#[tokio::test]
async fn of_what_has_become_short_fewer_may_be_taken() {
    let twins = Twins::with_stock(SKU, 5).await;
    let shopping = &twins.nodes[0].shopping;
    shopping.add_to_cart(&guest(), SKU, pieces(5), NOON).await.unwrap();
    twins.database().execute("UPDATE shopping_stock SET supplied = 2, available = 2", []).unwrap();
    shopping.set_in_cart(&guest(), SKU, Some(pieces(3)), NOON).await.unwrap();
    let more = shopping.set_in_cart(&guest(), SKU, Some(pieces(4)), NOON).await;
    assert!(matches!(more, Err(ShoppingError::Short(_, 2))));
}

#[tokio::test]
async fn a_guests_cart_comes_along_at_the_login_once() {
    let twins = Twins::with_stock(SKU, 99).await;
    let shopping = &twins.nodes[0].shopping;
    let (ada, before) = member(1);
    shopping.add_to_cart(&before, SKU, pieces(60), NOON).await.unwrap();
    shopping.add_to_cart(&guest(), SKU, pieces(60), NOON).await.unwrap();

    let logged_in = Visitor { member: Some(ada), guest: guest().guest };
    for node in [0, 1, 0] {
        let cart = twins.nodes[node].shopping.cart(&logged_in, NOON).await.unwrap();
        assert_eq!(cart.lines[0].quantity.pieces(), 99, "the sum stops at what a line holds");
    }
    assert_eq!(shopping.cart_pieces(&guest(), NOON).await.unwrap(), 0);
    assert_eq!(shopping.cart_pieces(&before, NOON).await.unwrap(), 99);
}

#[tokio::test]
async fn a_cart_has_an_end() {
    let twins = Twins::open().await;
    let mut connection = twins.database();
    let tx = connection.transaction().unwrap();
    for sku in 0..100 {
        tx.execute("INSERT INTO shopping_cart_line VALUES ('guest:guest', ?1, 1, ?2)", (sku, NOON)).unwrap();
    }
    tx.commit().unwrap();
    twins.supply(SKU, 5).await;
    let shopping = &twins.nodes[0].shopping;
    let full = shopping.add_to_cart(&guest(), SKU, pieces(1), NOON).await;
    assert!(matches!(full, Err(ShoppingError::CartFull)));

    let months_later: Timestamp = after(90 * 24 * 60);
    assert_eq!(shopping.purge_carts(after(1)).await.unwrap(), 0);
    assert_eq!(shopping.purge_carts(months_later).await.unwrap(), 100);
}
