use crate::node::fixture::{NOON, SKU, Twins, after};
use crate::payment::api::Captured;
use crate::payment::tests::{agree, completed, send};
use crate::shopping::api::{OrderState, PaymentMethod, ShoppingError};

/// Has the provider take the money for an order; what `shopping` will be told.
async fn capture(twins: &Twins, order: &str, txn: &str) -> Captured {
    let amount = twins.nodes[0].shopping.order(1, order.to_owned()).await.unwrap().totals.total();
    agree(&twins.nodes[0].payment, txn, order, amount).await;
    send(twins, &completed(txn, txn, order, amount), NOON).await.unwrap();
    let capture = twins.count(&format!("SELECT id FROM payment_capture WHERE txn = '{txn}'"));
    Captured { capture, order: order.to_owned(), amount }
}

async fn state(twins: &Twins, order: &str) -> OrderState {
    twins.nodes[1].shopping.order(1, order.to_owned()).await.unwrap().state
}

fn refunds(twins: &Twins) -> i64 {
    twins.count("SELECT count(*) FROM payment_refund_due")
}

#[tokio::test]
async fn a_payment_pays_once_and_sells_the_stock() {
    let twins = Twins::with_stock(SKU, 5).await;
    let order = twins.order(1, SKU, 2, PaymentMethod::Online).await;
    let captured = capture(&twins, &order, "pi_1").await;
    for node in [0, 1, 0] {
        twins.nodes[node].shopping.settle(captured.clone(), NOON).await.unwrap();
    }
    assert_eq!(state(&twins, &order).await, OrderState::Paid);
    assert_eq!(twins.stock(SKU), (3, 0, 2));
    assert_eq!(refunds(&twins), 0, "being told again is not being paid again");
}

#[tokio::test]
async fn a_late_payment_of_a_cancelled_order_is_to_be_given_back() {
    let twins = Twins::with_stock(SKU, 5).await;
    let order = twins.order(1, SKU, 2, PaymentMethod::Online).await;
    let captured = capture(&twins, &order, "pi_1").await;
    twins.nodes[0].shopping.cancel(1, order.clone(), NOON).await.unwrap();
    for _ in 0..2 {
        twins.nodes[1].shopping.settle(captured.clone(), NOON).await.unwrap();
    }
    assert_eq!(state(&twins, &order).await, OrderState::Cancelled);
    assert_eq!(twins.stock(SKU), (5, 0, 0));
    assert_eq!(refunds(&twins), 1);
}

#[tokio::test]
async fn a_second_payment_and_one_of_another_amount_are_to_be_given_back() {
    let twins = Twins::with_stock(SKU, 5).await;
    let shopping = &twins.nodes[0].shopping;
    let order = twins.order(1, SKU, 1, PaymentMethod::Online).await;
    let mut first = capture(&twins, &order, "pi_1").await;
    first.amount.0 += 1;
    shopping.settle(first, NOON).await.unwrap();
    assert_eq!((state(&twins, &order).await, refunds(&twins)), (OrderState::PendingPayment, 1));

    for (txn, due) in [("pi_2", 1), ("pi_3", 2)] {
        let captured = capture(&twins, &order, txn).await;
        shopping.settle(captured, NOON).await.unwrap();
        assert_eq!((state(&twins, &order).await, refunds(&twins)), (OrderState::Paid, due), "{txn}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_payment_and_cancellation_at_once_one_wins() {
    let twins = Twins::with_stock(SKU, 50).await;
    for round in 0..12 {
        let order = twins.order(1, SKU, 1, PaymentMethod::Online).await;
        let captured = capture(&twins, &order, &format!("pi_{round}")).await;
        let due_before = refunds(&twins);
        let (pay, cancel) = (twins.nodes[0].shopping.clone(), twins.nodes[1].shopping.clone());
        let number = order.clone();
        let paying = tokio::spawn(async move { pay.settle(captured, NOON).await });
        let cancelling = tokio::spawn(async move { cancel.cancel(1, number, NOON).await });
        paying.await.unwrap().unwrap();
        let due = refunds(&twins) - due_before;
        match cancelling.await.unwrap() {
            Ok(()) => assert_eq!((state(&twins, &order).await, due), (OrderState::Cancelled, 1)),
            Err(ShoppingError::NotNow(OrderState::Paid)) => {
                assert_eq!((state(&twins, &order).await, due), (OrderState::Paid, 0));
            }
            Err(other) => panic!("{other}"),
        }
    }
    let (available, reserved, sold) = twins.stock(SKU);
    assert_eq!((available + sold, reserved), (50, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_paid_in_time_is_released_once() {
    let twins = Twins::with_stock(SKU, 20).await;
    let mut orders = Vec::new();
    for _ in 0..6 {
        orders.push(twins.order(1, SKU, 2, PaymentMethod::Online).await);
    }
    twins.order(1, SKU, 3, PaymentMethod::CashOnDelivery).await;
    assert_eq!(twins.nodes[0].shopping.expire_unpaid(after(14)).await.unwrap(), 0);
    assert_eq!(twins.stock(SKU), (5, 15, 0));

    let sweep = |node: usize| twins.nodes[node].shopping.expire_unpaid(after(15));
    let (one, two) = tokio::join!(sweep(0), sweep(1));
    assert_eq!(one.unwrap() + two.unwrap(), orders.len());
    assert_eq!(twins.stock(SKU), (17, 3, 0), "cash on delivery waits for nothing");
    let too_late = twins.nodes[0].shopping.pay(1, orders[0].clone(), String::new(), after(15)).await;
    assert!(matches!(too_late, Err(ShoppingError::NotNow(OrderState::Cancelled))));
}

#[tokio::test]
async fn a_payment_in_time_is_not_swept_away_while_its_message_waits() {
    let twins = Twins::with_stock(SKU, 5).await;
    let order = twins.order(1, SKU, 2, PaymentMethod::Online).await;
    let captured = capture(&twins, &order, "pi_1").await;
    assert_eq!(twins.nodes[1].shopping.expire_unpaid(after(15)).await.unwrap(), 0);
    twins.nodes[0].shopping.settle(captured, after(16)).await.unwrap();
    assert_eq!((state(&twins, &order).await, refunds(&twins)), (OrderState::Paid, 0));

    let other = twins.order(1, SKU, 1, PaymentMethod::Online).await;
    capture(&twins, &other, "pi_2").await;
    twins.database().execute("UPDATE queue_outbox SET delivered_ms = 1", []).unwrap();
    let swept = twins.nodes[1].shopping.expire_unpaid(after(15)).await.unwrap();
    assert_eq!(swept, 1, "a capture that has been heard of holds nothing up");
}

#[tokio::test]
async fn an_order_past_its_time_is_not_sent_to_the_provider_even_before_the_sweep() {
    let twins = Twins::with_stock(SKU, 5).await;
    let order = twins.order(1, SKU, 1, PaymentMethod::Online).await;
    let too_late = twins.nodes[0].shopping.pay(1, order.clone(), String::new(), after(15)).await;
    assert!(matches!(too_late, Err(ShoppingError::NotNow(OrderState::Cancelled))));
    let in_time = twins.nodes[0].shopping.pay(1, order, String::new(), after(14)).await;
    assert!(matches!(in_time, Err(ShoppingError::Open(_))), "there is no provider in this test");
}

#[tokio::test]
async fn cash_on_delivery_can_be_cancelled_and_not_paid_online() {
    let twins = Twins::with_stock(SKU, 5).await;
    let shopping = &twins.nodes[0].shopping;
    let order = twins.order(1, SKU, 1, PaymentMethod::CashOnDelivery).await;
    let online = shopping.pay(1, order.clone(), String::new(), NOON).await;
    assert!(matches!(online, Err(ShoppingError::NotNow(OrderState::CodPlaced))));
    shopping.cancel(1, order.clone(), NOON).await.unwrap();
    let again = shopping.cancel(1, order.clone(), NOON).await;
    assert!(matches!(again, Err(ShoppingError::NotNow(OrderState::Cancelled))));
    assert_eq!(twins.stock(SKU), (5, 0, 0));
}

#[tokio::test]
async fn somebody_elses_order_is_not_there() {
    let twins = Twins::with_stock(SKU, 5).await;
    let shopping = &twins.nodes[0].shopping;
    let order = twins.order(1, SKU, 1, PaymentMethod::Online).await;
    assert!(matches!(shopping.order(2, order.clone()).await, Err(ShoppingError::NoOrder)));
    assert!(matches!(shopping.cancel(2, order.clone(), NOON).await, Err(ShoppingError::NoOrder)));
    assert!(matches!(shopping.pay(2, order, String::new(), NOON).await, Err(ShoppingError::NoOrder)));
    assert!(shopping.orders(2).await.unwrap().is_empty());
    assert_eq!(shopping.orders(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_history_cannot_be_rewritten() {
    let twins = Twins::with_stock(SKU, 5).await;
    twins.order(1, SKU, 1, PaymentMethod::Online).await;
    for sql in ["UPDATE shopping_order_event SET to_state = 'paid'", "DELETE FROM shopping_order_event"] {
        assert!(twins.database().execute(sql, []).unwrap_err().to_string().contains("an order's history is never"));
    }
}
