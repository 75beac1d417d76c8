//! I1, no oversell: what orders hold and what was sold never exceeds what there was, per SKU.

use rusqlite::Connection;

use super::{Finding, count, violations};

pub(super) fn examine(connection: &Connection) -> rusqlite::Result<Finding> {
    let skus = count(connection, "SELECT count(*) FROM shopping_stock")?;
    let pieces = count(
        connection,
        "SELECT coalesce(sum(l.quantity), 0) FROM shopping_order_line l JOIN shopping_order o ON o.id = l.order_id
         WHERE o.state <> 'cancelled'",
    )?;
    Ok(Finding {
        name: "I1 no oversell",
        scope: format!("{skus} SKUs, {pieces} pieces in orders"),
        // Counted from the orders' lines alone, then compared with what the stock says of itself.
        violations: violations(
            connection,
            "WITH held AS (
                 SELECT l.sku,
                        sum(CASE WHEN o.state IN ('pending_payment', 'cod_placed') THEN l.quantity ELSE 0 END) AS reserved,
                        sum(CASE WHEN o.state = 'paid' THEN l.quantity ELSE 0 END) AS sold
                 FROM shopping_order_line l JOIN shopping_order o ON o.id = l.order_id GROUP BY l.sku
             ), compared AS (
                 SELECT s.sku, s.supplied, s.available, s.reserved, s.sold,
                        coalesce(h.reserved, 0) AS in_orders, coalesce(h.sold, 0) AS paid_for
                 FROM shopping_stock s LEFT JOIN held h ON h.sku = s.sku
             )
             SELECT printf('SKU %d: %d supplied, %d in open and %d in paid orders', sku, supplied, in_orders, paid_for)
             FROM compared WHERE in_orders + paid_for > supplied
             UNION ALL
             SELECT printf('SKU %d: %d reserved and %d sold, but %d in open and %d in paid orders',
                           sku, reserved, sold, in_orders, paid_for)
             FROM compared WHERE reserved <> in_orders OR sold <> paid_for
             UNION ALL
             SELECT printf('SKU %d: %d available + %d reserved + %d sold are not the %d supplied',
                           sku, available, reserved, sold, supplied)
             FROM compared WHERE available + reserved + sold <> supplied OR min(available, reserved, sold) < 0
             UNION ALL
             SELECT printf('SKU %d: ordered, but never supplied', sku) FROM held
             WHERE sku NOT IN (SELECT sku FROM shopping_stock)",
        )?,
    })
}
