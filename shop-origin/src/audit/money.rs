//! I12, money: every journal sums to zero, every order is the sum of its lines, and no cent that was taken is forgotten.

use rusqlite::Connection;

use super::{Finding, count, violations};

pub(super) fn examine(connection: &Connection) -> rusqlite::Result<Finding> {
    let journals = count(connection, "SELECT count(*) FROM payment_journal")?;
    let postings = count(connection, "SELECT count(*) FROM payment_posting")?;
    Ok(Finding {
        name: "I12 money",
        scope: format!("{journals} journals, {postings} postings"),
        violations: violations(
            connection,
            "SELECT printf('journal %d (%s): its postings sum to %d', j.id, j.kind, coalesce(sum(p.amount_cents), 0))
             FROM payment_journal j LEFT JOIN payment_posting p ON p.journal = j.id
             GROUP BY j.id HAVING coalesce(sum(p.amount_cents), 0) <> 0 OR count(p.account) < 2
             UNION ALL
             SELECT printf('posting to %s: belongs to journal %d, which is not there', p.account, p.journal)
             FROM payment_posting p LEFT JOIN payment_journal j ON j.id = p.journal WHERE j.id IS NULL
             UNION ALL
             SELECT printf('capture %d: %d were taken, %d are in the ledger', c.id, c.amount_cents, coalesce(p.amount_cents, 0))
             FROM payment_capture c
             LEFT JOIN payment_journal j ON j.capture = c.id AND j.kind = 'capture'
             LEFT JOIN payment_posting p ON p.journal = j.id AND p.account = 'provider_clearing'
             WHERE p.amount_cents IS NOT c.amount_cents
             UNION ALL
             SELECT printf('order %s: its lines sum to %d, its goods are %d', o.number, sum(l.quantity * l.price_cents), o.goods_cents)
             FROM shopping_order o JOIN shopping_order_line l ON l.order_id = o.id
             GROUP BY o.id HAVING sum(l.quantity * l.price_cents) <> o.goods_cents
             UNION ALL
             SELECT printf('order %s: goods %d and delivery %d are not the total %d', number, goods_cents, delivery_cents, total_cents)
             FROM shopping_order WHERE goods_cents + delivery_cents <> total_cents
             UNION ALL
             SELECT printf('order %s: is paid, but not by a capture of its total', o.number)
             FROM shopping_order o LEFT JOIN payment_capture c ON c.id = o.paid_by
             WHERE o.state = 'paid' AND (c.id IS NULL OR c.order_number <> o.number OR c.amount_cents <> o.total_cents)
             UNION ALL
             SELECT printf('capture %d of order %s: has %d messages', c.id, c.order_number, count(q.id))
             FROM payment_capture c
             LEFT JOIN queue_outbox q ON q.subject = c.order_number AND q.topic = 'payment.captured'
                                     AND q.payload ->> 'capture' = c.id
             GROUP BY c.id HAVING count(q.id) <> 1
             UNION ALL
             SELECT printf('capture %d of order %s: settled, but it neither paid for the order nor is to be given back', c.id, c.order_number)
             FROM payment_capture c
             LEFT JOIN shopping_order o ON o.paid_by = c.id
             LEFT JOIN payment_refund_due r ON r.capture = c.id
             WHERE (o.id IS NULL) = (r.capture IS NULL)
               AND NOT EXISTS (SELECT 1 FROM queue_outbox q
                               WHERE q.subject = c.order_number AND q.topic = 'payment.captured'
                                 AND q.payload ->> 'capture' = c.id AND q.delivered_ms IS NULL)
             UNION ALL
             SELECT printf('capture %d: %d are to be given back, %d are so in the ledger', c.id, coalesce(r.amount_cents, 0), coalesce(-p.amount_cents, 0))
             FROM payment_capture c
             LEFT JOIN payment_refund_due r ON r.capture = c.id
             LEFT JOIN payment_journal j ON j.capture = c.id AND j.kind = 'refund_due'
             LEFT JOIN payment_posting p ON p.journal = j.id AND p.account = 'refunds_due'
             WHERE (r.capture IS NULL) <> (j.id IS NULL)
                OR r.amount_cents <> c.amount_cents OR -p.amount_cents IS NOT r.amount_cents
             UNION ALL
             SELECT printf('refund of capture %d: is of no capture', r.capture)
             FROM payment_refund_due r LEFT JOIN payment_capture c ON c.id = r.capture WHERE c.id IS NULL",
        )?,
    })
}
