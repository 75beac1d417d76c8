//! The tables of carts, stock and orders.

pub(super) mod cart;
pub(super) mod checkout;
pub(super) mod order;
pub(super) mod stock;

use crate::backing::db::Schema;

pub(crate) const SCHEMA: Schema = Schema {
    owner: "shopping",
    steps: &["
-- Owner: 'member:7', or 'guest:' and the name of a session.
CREATE TABLE shopping_cart_line (
    owner TEXT NOT NULL,
    sku INTEGER NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    changed_ms INTEGER NOT NULL,
    PRIMARY KEY (owner, sku)
) STRICT, WITHOUT ROWID;
CREATE INDEX shopping_cart_age ON shopping_cart_line (changed_ms);

-- Every piece that was ever supplied is available, reserved by an order that may still end, or sold (I1).
CREATE TABLE shopping_stock (
    sku INTEGER PRIMARY KEY,
    product INTEGER NOT NULL,
    supplied INTEGER NOT NULL CHECK (supplied >= 0),
    available INTEGER NOT NULL CHECK (available >= 0),
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    sold INTEGER NOT NULL CHECK (sold >= 0),
    CHECK (available + reserved + sold = supplied)
) STRICT;
CREATE INDEX shopping_stock_of ON shopping_stock (product);

CREATE TABLE shopping_order (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    member INTEGER NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    payment TEXT NOT NULL CHECK (payment IN ('online', 'cod')),
    goods_cents INTEGER NOT NULL CHECK (goods_cents > 0),
    delivery_cents INTEGER NOT NULL CHECK (delivery_cents >= 0),
    total_cents INTEGER NOT NULL CHECK (total_cents = goods_cents + delivery_cents),
    address TEXT NOT NULL,
    placed_ms INTEGER NOT NULL,
    -- When its reservation ends; NULL where there is nothing to wait for.
    expires_ms INTEGER,
    -- The capture that paid for it.
    paid_by INTEGER UNIQUE
) STRICT;
CREATE INDEX shopping_order_of ON shopping_order (member, id);
CREATE INDEX shopping_order_unpaid ON shopping_order (expires_ms) WHERE state = 'pending_payment';
CREATE TABLE shopping_order_line (
    order_id INTEGER NOT NULL REFERENCES shopping_order (id),
    sku INTEGER NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    -- What it was and cost at the checkout, whatever becomes of it later (I9).
    product INTEGER NOT NULL,
    title TEXT NOT NULL,
    label TEXT NOT NULL,
    media TEXT NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents > 0),
    PRIMARY KEY (order_id, sku)
) STRICT, WITHOUT ROWID;
CREATE INDEX shopping_order_line_sku ON shopping_order_line (sku);
CREATE TABLE shopping_order_event (
    order_id INTEGER NOT NULL REFERENCES shopping_order (id),
    version INTEGER NOT NULL,
    from_state TEXT,
    cause TEXT NOT NULL,
    to_state TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (order_id, version)
) STRICT, WITHOUT ROWID;
-- A history is only ever added to (I8).
CREATE TRIGGER shopping_order_event_kept BEFORE UPDATE ON shopping_order_event
BEGIN SELECT raise(ABORT, 'an order''s history is never changed'); END;
CREATE TRIGGER shopping_order_event_stays BEFORE DELETE ON shopping_order_event
BEGIN SELECT raise(ABORT, 'an order''s history is never removed'); END;

-- What a checkout was answered, kept in the order's transaction (I3).
CREATE TABLE shopping_checkout (
    member INTEGER NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    order_number TEXT NOT NULL UNIQUE REFERENCES shopping_order (number),
    response TEXT NOT NULL,
    answered_ms INTEGER NOT NULL,
    PRIMARY KEY (member, key)
) STRICT, WITHOUT ROWID;
"],
};
