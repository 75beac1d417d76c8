use std::collections::HashSet;

use proptest::prelude::*;

use crate::node::fixture::{NOON, SKU, Twins, checkout, member};
use crate::product::api::SkuId;
use crate::shopping::api::{PaymentMethod, Quote, ShoppingError};

#[tokio::test]
async fn a_checkout_that_comes_again_is_answered_as_before() {
    let twins = Twins::with_stock(SKU, 5).await;
    let (ada, visitor) = twins.buyer(1, SKU, 2).await;
    let first = twins.nodes[0].shopping.check_out(&ada, &visitor, checkout("key-0001", PaymentMethod::Online), NOON);
    let first = first.await.unwrap();
    assert!(!first.again);
    twins.buyer(1, SKU, 3).await; // the cart is full again: the key decides, not the cart
    let again = twins.nodes[1].shopping.check_out(&ada, &visitor, checkout("key-0001", PaymentMethod::Online), NOON);
    let again = again.await.unwrap();
    assert!(again.again);
    assert_eq!(again.receipt, first.receipt);
    assert_eq!(twins.stock(SKU), (3, 2, 0));

    let other =
        twins.nodes[0].shopping.check_out(&ada, &visitor, checkout("key-0001", PaymentMethod::CashOnDelivery), NOON);
    assert!(matches!(other.await, Err(ShoppingError::KeyReused)));
    let (bob, his) = twins.buyer(2, SKU, 1).await;
    let his = twins.nodes[0].shopping.check_out(&bob, &his, checkout("key-0001", PaymentMethod::Online), NOON);
    assert!(!his.await.unwrap().again, "a key belongs to its member");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_equal_checkouts_at_once_one_makes_the_order() {
    let twins = Twins::with_stock(SKU, 50).await;
    let (ada, visitor) = twins.buyer(1, SKU, 2).await;
    let attempts: Vec<_> = (0..16)
        .map(|attempt| {
            let (shopping, ada, visitor) = (twins.nodes[attempt % 2].shopping.clone(), ada.clone(), visitor.clone());
            let checkout = checkout("key-0001", PaymentMethod::Online);
            tokio::spawn(async move { shopping.check_out(&ada, &visitor, checkout, NOON).await.unwrap() })
        })
        .collect();
    let mut numbers = HashSet::new();
    let mut first = 0;
    for attempt in attempts {
        let placed = attempt.await.unwrap();
        first += usize::from(!placed.again);
        numbers.insert(placed.receipt.number);
    }
    assert_eq!((first, numbers.len()), (1, 1));
    assert_eq!(twins.stock(SKU), (48, 2, 0));
}

#[tokio::test]
async fn a_price_that_changed_is_shown_before_it_is_charged() {
    let twins = Twins::with_stock(SKU, 5).await;
    let shopping = &twins.nodes[0].shopping;
    let (ada, visitor) = twins.buyer(1, SKU, 1).await;
    let seen = shopping.cart(&visitor, NOON).await.unwrap();
    twins.database().execute("UPDATE product_sku SET price_cents = price_cents - 1", []).unwrap();

    let mut with_quote = checkout("key-0001", PaymentMethod::Online);
    with_quote.quote = Some(seen.quote);
    let refused = shopping.check_out(&ada, &visitor, with_quote.clone(), NOON).await;
    assert!(matches!(refused, Err(ShoppingError::QuoteChanged)));
    assert_eq!(twins.stock(SKU), (5, 0, 0));

    let now = shopping.cart(&visitor, NOON).await.unwrap();
    with_quote.quote = Some(Quote::claimed(now.quote.as_str()));
    let placed = shopping.check_out(&ada, &visitor, with_quote, NOON).await.unwrap();
    assert_eq!(placed.receipt.total_cents, now.totals.total());
    let order = shopping.order(1, placed.receipt.number).await.unwrap();
    assert_eq!(order.lines[0].price.0, seen.lines[0].offer.price.0 - 1, "the line keeps the price of the checkout");
}

#[tokio::test]
async fn what_is_short_at_the_checkout_leaves_everything_as_it_was() {
    let twins = Twins::with_stock(SKU, 5).await;
    let other: SkuId = SKU + 1;
    twins.supply(other, 1).await;
    let shopping = &twins.nodes[0].shopping;
    let (ada, visitor) = twins.buyer(1, SKU, 2).await;
    twins.buyer(1, other, 1).await;
    twins.order(2, other, 1, PaymentMethod::CashOnDelivery).await;
    let refused = shopping.check_out(&ada, &visitor, checkout("key-0001", PaymentMethod::Online), NOON).await;
    assert!(matches!(refused, Err(ShoppingError::Short(_, 0))), "{refused:?}");
    assert_eq!(twins.stock(SKU), (5, 0, 0), "the line that could be had was given back");
    assert_eq!(shopping.cart_pieces(&visitor, NOON).await.unwrap(), 3);
    assert_eq!(twins.count("SELECT count(*) FROM shopping_order"), 1);

    shopping.set_in_cart(&visitor, other, None, NOON).await.unwrap();
    let placed = shopping.check_out(&ada, &visitor, checkout("key-0001", PaymentMethod::Online), NOON).await.unwrap();
    assert!(!placed.again, "a key that was refused may be used again");
}

#[tokio::test]
async fn an_empty_cart_is_no_order() {
    let twins = Twins::open().await;
    let (ada, visitor) = member(1);
    let refused = twins.nodes[0].shopping.check_out(&ada, &visitor, checkout("key-0001", PaymentMethod::Online), NOON);
    assert!(matches!(refused.await, Err(ShoppingError::CartEmpty)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Buyers in two processes want more than there is: never a piece too many is sold, and none is left that somebody
    /// who was turned away had wanted.
    #[test]
    fn scarce_stock_is_sold_to_the_last_piece_and_not_beyond(
        stock in 0_u32..8,
        wanted in proptest::collection::vec(1_u32..4, 1..14),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        let (sold, left, turned_away) = runtime.block_on(rush(stock, wanted));
        prop_assert_eq!(sold + left, stock);
        prop_assert!(turned_away.iter().all(|wanted| *wanted > left), "{} left, wanted {:?}", left, turned_away);
    }
}

/// How many pieces were sold, how many are left, and what those wanted who got none.
async fn rush(stock: u32, wanted: Vec<u32>) -> (u32, u32, Vec<u32>) {
    let twins = Twins::with_stock(SKU, 99).await;
    let mut buyers = Vec::new();
    for (id, pieces) in (1..).zip(&wanted) {
        buyers.push(twins.buyer(id, SKU, *pieces).await);
    }
    let scarce = "UPDATE shopping_stock SET supplied = ?1, available = ?1";
    twins.database().execute(scarce, [stock]).unwrap();
    let attempts: Vec<_> = buyers
        .into_iter()
        .enumerate()
        .map(|(place, (member, visitor))| {
            let shopping = twins.nodes[place % 2].shopping.clone();
            let checkout = checkout("key-0001", PaymentMethod::Online);
            tokio::spawn(async move { shopping.check_out(&member, &visitor, checkout, NOON).await })
        })
        .collect();
    let (mut sold, mut turned_away) = (0, Vec::new());
    for (attempt, wanted) in attempts.into_iter().zip(wanted) {
        match attempt.await.unwrap() {
            Ok(_) => sold += wanted,
            Err(ShoppingError::Short(..)) => turned_away.push(wanted),
            Err(other) => panic!("{other}"),
        }
    }
    let (available, reserved, _) = twins.stock(SKU);
    assert_eq!(reserved, i64::from(sold));
    (sold, u32::try_from(available).unwrap(), turned_away)
}
