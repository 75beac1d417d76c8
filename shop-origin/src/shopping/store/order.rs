//! Orders, their lines and their histories.

use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;

use super::stock;
use crate::backing::db::{Fault, json, unsigned};
use crate::backing::queue;
use crate::clock::Timestamp;
use crate::membership::api::MemberId;
use crate::money::Cents;
use crate::shopping::api::{Order, OrderLine, PaymentMethod, Reached, Summary};
use crate::shopping::rules::{Cause, OrderState, Quantity, StockEffect, Totals, Transition, step};

/// An order to be written for the first time.
pub(in crate::shopping) struct NewOrder<'a> {
    pub(in crate::shopping) number: &'a str,
    pub(in crate::shopping) member: MemberId,
    pub(in crate::shopping) payment: PaymentMethod,
    pub(in crate::shopping) totals: Totals,
    pub(in crate::shopping) address: &'a str,
    pub(in crate::shopping) lines: &'a [OrderLine],
    pub(in crate::shopping) expires: Option<Timestamp>,
}

/// As much of an order as a step needs.
#[derive(Debug, Clone)]
pub(in crate::shopping) struct Head {
    id: i64,
    pub(in crate::shopping) number: String,
    pub(in crate::shopping) state: OrderState,
    version: u32,
    pub(in crate::shopping) total: Cents,
    pub(in crate::shopping) expires: Option<Timestamp>,
    pub(in crate::shopping) paid_by: Option<i64>,
}

/// Why an order could not be moved.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::shopping) enum Stuck {
    /// The table has no such step from where the order is.
    Illegal,
    /// There are too few pieces of this SKU.
    Short(u64),
}

/// What is published of every step, under the topic `order.` and the new state.
#[derive(Serialize)]
struct Moved<'a> {
    number: &'a str,
    version: u32,
    cause: &'static str,
    state: &'static str,
}

/// Writes an order with its lines and takes its first step: history, reservation and message with it, or none of them.
pub(in crate::shopping) fn place(
    tx: &Transaction<'_>,
    order: &NewOrder<'_>,
    now: Timestamp,
) -> Result<Result<(), Stuck>, Fault> {
    let cause = match order.payment {
        PaymentMethod::Online => Cause::PlaceOnline,
        PaymentMethod::CashOnDelivery => Cause::PlaceCod,
    };
    let Some(transition) = step(None, cause) else { return Ok(Err(Stuck::Illegal)) };
    let id: i64 = tx
        .prepare_cached(
            "INSERT INTO shopping_order (number, member, state, version, payment, goods_cents, delivery_cents,
                                         total_cents, address, placed_ms, expires_ms)
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING id",
        )?
        .query_row(
            params![
                order.number,
                order.member,
                transition.to.name(),
                order.payment.name(),
                order.totals.goods,
                order.totals.delivery,
                order.totals.total(),
                order.address,
                now,
                order.expires,
            ],
            |row| row.get(0),
        )?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO shopping_order_line (order_id, sku, quantity, product, title, label, media, price_cents)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for line in order.lines {
        insert.execute(params![
            id,
            line.sku.cast_signed(),
            line.quantity.pieces(),
            line.product.cast_signed(),
            line.title,
            line.label,
            line.media,
            line.price,
        ])?;
    }
    record(tx, id, order.number, 1, transition, now)
}

/// Moves an order if it is still where `head` saw it (invariants I7 and I8): of two that try, one succeeds.
pub(in crate::shopping) fn advance(
    tx: &Transaction<'_>,
    head: &Head,
    cause: Cause,
    now: Timestamp,
) -> Result<Result<OrderState, Stuck>, Fault> {
    let Some(transition) = step(Some(head.state), cause) else { return Ok(Err(Stuck::Illegal)) };
    let moved = tx
        .prepare_cached(
            "UPDATE shopping_order SET state = ?1, version = version + 1 WHERE id = ?2 AND state = ?3 AND version = ?4",
        )?
        .execute(params![transition.to.name(), head.id, head.state.name(), head.version])?;
    if moved == 0 {
        return Ok(Err(Stuck::Illegal));
    }
    Ok(record(tx, head.id, &head.number, head.version + 1, transition, now)?.map(|()| transition.to))
}

/// Everything that goes with a step: its event, its effect on stock, its message.
fn record(
    tx: &Transaction<'_>,
    id: i64,
    number: &str,
    version: u32,
    transition: &Transition,
    now: Timestamp,
) -> Result<Result<(), Stuck>, Fault> {
    tx.prepare_cached(
        "INSERT INTO shopping_order_event (order_id, version, from_state, cause, to_state, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        id,
        version,
        transition.from.map(OrderState::name),
        transition.cause.name(),
        transition.to.name(),
        now
    ])?;
    for line in lines(tx, id)? {
        if !stock::apply(tx, transition.stock, line.sku, line.quantity)? {
            if transition.stock == StockEffect::Reserve {
                return Ok(Err(Stuck::Short(line.sku)));
            }
            return Err(Fault::Corrupt(format!("order {number} holds less of SKU {} than it reserved", line.sku)));
        }
    }
    let state = transition.to.name();
    let moved = Moved { number, version, cause: transition.cause.name(), state };
    queue::publish(tx, &format!("order.{state}"), number, &moved, now)?;
    Ok(Ok(()))
}

/// Notes which capture paid for an order.
pub(in crate::shopping) fn set_paid_by(tx: &Transaction<'_>, head: &Head, capture: i64) -> Result<(), Fault> {
    let sql = "UPDATE shopping_order SET paid_by = ?2 WHERE id = ?1 AND paid_by IS NULL";
    tx.prepare_cached(sql)?.execute((head.id, capture))?;
    Ok(())
}

/// The head of an order, of this member when one is named: somebody else's order does not exist.
pub(in crate::shopping) fn head(
    tx: &Transaction<'_>,
    number: &str,
    member: Option<MemberId>,
) -> Result<Option<Head>, Fault> {
    let sql = "SELECT id, number, state, version, total_cents, expires_ms, paid_by FROM shopping_order
               WHERE number = ?1 AND (?2 IS NULL OR member = ?2)";
    let found = tx.prepare_cached(sql)?.query_row(params![number, member], |row| {
        Ok(Head {
            id: row.get(0)?,
            number: row.get(1)?,
            state: state(row, 2)?,
            version: row.get(3)?,
            total: row.get(4)?,
            expires: row.get(5)?,
            paid_by: row.get(6)?,
        })
    });
    Ok(found.optional()?)
}

/// Numbers of orders whose reservation ended before `now`, a bounded number of them.
pub(in crate::shopping) fn expired(tx: &Transaction<'_>, now: Timestamp, max: u32) -> Result<Vec<String>, Fault> {
    let sql = "SELECT number FROM shopping_order WHERE state = 'pending_payment' AND expires_ms <= ?1
               ORDER BY expires_ms LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let numbers = statement.query_map(params![now, max], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(numbers)
}

/// One order in full, if it is this member's.
pub(in crate::shopping) fn order(tx: &Transaction<'_>, number: &str, member: MemberId) -> Result<Option<Order>, Fault> {
    let sql = "SELECT id, number, state, payment, goods_cents, delivery_cents, address, placed_ms, expires_ms
               FROM shopping_order WHERE number = ?1 AND member = ?2";
    let found = tx.prepare_cached(sql)?.query_row(params![number, member], |row| {
        let order = Order {
            number: row.get(1)?,
            state: state(row, 2)?,
            payment: payment(row, 3)?,
            totals: Totals { goods: row.get(4)?, delivery: row.get(5)? },
            address: json(row, 6)?,
            placed: row.get(7)?,
            expires: row.get(8)?,
            lines: Vec::new(),
            history: Vec::new(),
        };
        Ok((row.get(0)?, order))
    });
    let Some((id, mut order)) = found.optional()? else { return Ok(None) };
    order.lines = lines(tx, id)?;
    let sql = "SELECT to_state, at_ms FROM shopping_order_event WHERE order_id = ?1 ORDER BY version";
    let mut history = tx.prepare_cached(sql)?;
    let history = history.query_map([id], |row| Ok(Reached { state: state(row, 0)?, at: row.get(1)? }))?;
    order.history = history.collect::<Result<_, _>>()?;
    Ok(Some(order))
}

/// A member's latest orders.
pub(in crate::shopping) fn summaries(tx: &Transaction<'_>, member: MemberId, max: u32) -> Result<Vec<Summary>, Fault> {
    let sql = "SELECT id, number, state, total_cents, placed_ms FROM shopping_order
               WHERE member = ?1 ORDER BY id DESC LIMIT ?2";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement.query_map(params![member, max], |row| {
        let summary = Summary {
            number: row.get(1)?,
            state: state(row, 2)?,
            total: row.get(3)?,
            placed: row.get(4)?,
            lines: Vec::new(),
        };
        Ok((row.get::<_, i64>(0)?, summary))
    })?;
    let mut summaries = Vec::new();
    for row in rows {
        let (id, mut summary) = row?;
        summary.lines = lines(tx, id)?;
        summaries.push(summary);
    }
    Ok(summaries)
}

fn lines(tx: &Transaction<'_>, order: i64) -> Result<Vec<OrderLine>, Fault> {
    let sql = "SELECT sku, quantity, product, title, label, media, price_cents FROM shopping_order_line
               WHERE order_id = ?1 ORDER BY sku";
    let mut statement = tx.prepare_cached(sql)?;
    let lines = statement.query_map([order], |row| {
        let pieces: u32 = row.get(1)?;
        Ok(OrderLine {
            sku: unsigned(row, 0)?,
            quantity: Quantity::new(pieces).ok_or(rusqlite::Error::IntegralValueOutOfRange(1, pieces.into()))?,
            product: unsigned(row, 2)?,
            title: row.get(3)?,
            label: row.get(4)?,
            media: row.get(5)?,
            price: row.get(6)?,
        })
    })?;
    Ok(lines.collect::<Result<_, _>>()?)
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<OrderState> {
    let name: String = row.get(column)?;
    OrderState::from_name(&name).ok_or_else(|| unknown(column, &name))
}

fn payment(row: &Row<'_>, column: usize) -> rusqlite::Result<PaymentMethod> {
    let name: String = row.get(column)?;
    PaymentMethod::from_name(&name).ok_or_else(|| unknown(column, &name))
}

fn unknown(column: usize, name: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, format!("unknown name {name:?}").into())
}
