//! I3, idempotent checkout: one order per key, and one key per order.

use rusqlite::Connection;

use super::{Finding, count, violations};

pub(super) fn examine(connection: &Connection) -> rusqlite::Result<Finding> {
    let keys = count(connection, "SELECT count(*) FROM shopping_checkout")?;
    Ok(Finding {
        name: "I3 idempotent checkout",
        scope: format!("{keys} keys"),
        violations: violations(
            connection,
            "SELECT printf('member %d, key %s: answered %d times', member, key, count(*))
             FROM shopping_checkout GROUP BY member, key HAVING count(*) > 1
             UNION ALL
             SELECT printf('order %s: answers %d keys', order_number, count(*))
             FROM shopping_checkout GROUP BY order_number HAVING count(*) > 1
             UNION ALL
             SELECT printf('member %d, key %s: answered with order %s, which is not there', c.member, c.key, c.order_number)
             FROM shopping_checkout c LEFT JOIN shopping_order o ON o.number = c.order_number WHERE o.id IS NULL
             UNION ALL
             SELECT printf('member %d, key %s: answered with order %s of member %d', c.member, c.key, o.number, o.member)
             FROM shopping_checkout c JOIN shopping_order o ON o.number = c.order_number WHERE o.member <> c.member
             UNION ALL
             SELECT printf('member %d, key %s: the answer names order %s, the order is %s',
                           member, key, response ->> 'number', order_number)
             FROM shopping_checkout WHERE response ->> 'number' IS NOT order_number
             UNION ALL
             SELECT printf('order %s: placed without a key', o.number)
             FROM shopping_order o LEFT JOIN shopping_checkout c ON c.order_number = o.number WHERE c.key IS NULL",
        )?,
    })
}
