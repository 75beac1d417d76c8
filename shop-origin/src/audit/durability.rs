//! I4, no lost order: each order is there in full, and every step of it has its message.

use rusqlite::Connection;

use super::{Finding, count, violations};

pub(super) fn examine(connection: &Connection) -> rusqlite::Result<Finding> {
    let orders = count(connection, "SELECT count(*) FROM shopping_order")?;
    let messages = count(connection, "SELECT count(*) FROM queue_outbox WHERE topic GLOB 'order.*'")?;
    Ok(Finding {
        name: "I4 no lost order",
        scope: format!("{orders} orders, {messages} messages"),
        violations: violations(
            connection,
            "SELECT printf('order %s: has no lines', o.number) FROM shopping_order o
             WHERE NOT EXISTS (SELECT 1 FROM shopping_order_line l WHERE l.order_id = o.id)
             UNION ALL
             SELECT printf('order %s: has no history', o.number) FROM shopping_order o
             WHERE NOT EXISTS (SELECT 1 FROM shopping_order_event e WHERE e.order_id = o.id)
             UNION ALL
             SELECT printf('order %s: step %d to %s has %d messages', o.number, e.version, e.to_state, count(q.id))
             FROM shopping_order_event e
             JOIN shopping_order o ON o.id = e.order_id
             LEFT JOIN queue_outbox q ON q.subject = o.number AND q.topic = 'order.' || e.to_state
                                     AND q.payload ->> 'version' = e.version
             GROUP BY o.number, e.version, e.to_state HAVING count(q.id) <> 1
             UNION ALL
             SELECT printf('message %d: speaks of order %s, which is not there', q.id, q.subject)
             FROM queue_outbox q LEFT JOIN shopping_order o ON o.number = q.subject
             WHERE q.topic GLOB 'order.*' AND o.id IS NULL",
        )?,
    })
}
