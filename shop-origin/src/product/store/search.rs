//! Lists of products: by category, by brand, by words; sorted, in pages, with counts per brand and category.

use rusqlite::types::Value;
use rusqlite::{Row, ToSql, Transaction, params_from_iter};

use crate::backing::db::{Fault, unsigned};
use crate::product::api::{Card, CategoryId, Found, Listing, Sort};

/// Brands and categories offered for narrowing down.
const FACETS_MAX: u32 = 12;

/// `within`: the category asked for and everything below it.
pub(in crate::product) fn list(
    tx: &Transaction<'_>,
    listing: &Listing,
    within: Option<&[CategoryId]>,
) -> Result<Found, Fault> {
    let any_brand = Condition::of(listing, within);
    let mut condition = any_brand.clone();
    if let Some(brand) = listing.brand {
        condition.require("p.brand = ?", i64::from(brand));
    }
    let total = tx
        .prepare_cached(&format!("SELECT count(*) {}", condition.sql()))?
        .query_row(params_from_iter(condition.values.iter()), |row| row.get(0))?;
    Ok(Found {
        cards: cards(tx, listing, &condition)?,
        total,
        brands: counts(tx, "p.brand", &any_brand)?,
        categories: counts(tx, "p.category", &condition)?,
    })
}

/// A `FROM ... WHERE ...` and the values bound to it. Texts are constants of this file; what comes from outside is bound.
#[derive(Clone)]
struct Condition {
    searched: bool,
    clauses: Vec<&'static str>,
    values: Vec<Value>,
}

impl Condition {
    fn of(listing: &Listing, within: Option<&[CategoryId]>) -> Condition {
        let expression = listing.terms.as_ref().and_then(|terms| terms.match_expression());
        let mut condition = Condition { searched: expression.is_some(), clauses: Vec::new(), values: Vec::new() };
        if let Some(expression) = expression {
            condition.require("product_search MATCH ?", expression);
        }
        for pattern in listing.terms.iter().flat_map(|terms| terms.like_patterns()) {
            condition.require("p.title LIKE ?", pattern);
        }
        if let Some(within) = within {
            let ids: Vec<String> = within.iter().map(CategoryId::to_string).collect();
            condition.require("p.category IN (SELECT value FROM json_each(?))", format!("[{}]", ids.join(",")));
        }
        condition
    }

    fn require(&mut self, clause: &'static str, value: impl Into<Value>) {
        self.clauses.push(clause);
        self.values.push(value.into());
    }

    fn sql(&self) -> String {
        let tables = match self.searched {
            true => "FROM product_search JOIN product_product p ON p.id = product_search.rowid",
            false => "FROM product_product p",
        };
        match self.clauses.is_empty() {
            true => tables.to_owned(),
            false => format!("{tables} WHERE {}", self.clauses.join(" AND ")),
        }
    }
}

fn cards(tx: &Transaction<'_>, listing: &Listing, condition: &Condition) -> Result<Vec<Card>, Fault> {
    let order = match listing.sort {
        // A word in the title counts for more than one in an attribute; of equal matches the popular one comes first.
        Sort::Relevance if condition.searched => "bm25(product_search, 10.0, 6.0, 4.0, 1.0) - 2.0 * p.popularity, p.id",
        Sort::Relevance | Sort::Popular => "p.popularity DESC, p.id",
        Sort::PriceUp => "p.price_cents, p.id",
        Sort::PriceDown => "p.price_cents DESC, p.id",
        Sort::Discount => "p.price_cents * 1.0 / p.list_price_cents, p.popularity DESC, p.id",
    };
    let sql = format!(
        "SELECT p.id, p.category, p.brand, p.title, p.subtitle, p.price_cents, p.list_price_cents, p.price_max_cents,
                p.media ->> 0
         {} ORDER BY {order} LIMIT ? OFFSET ?",
        condition.sql()
    );
    let page: [&dyn ToSql; 2] = [&listing.paging.size, &listing.paging.offset()];
    let values = condition.values.iter().map(|value| value as &dyn ToSql).chain(page);
    let mut statement = tx.prepare_cached(&sql)?;
    let cards = statement.query_map(params_from_iter(values), card)?;
    Ok(cards.collect::<Result<_, _>>()?)
}

fn card(row: &Row<'_>) -> rusqlite::Result<Card> {
    let price = row.get(5)?;
    Ok(Card {
        id: unsigned(row, 0)?,
        category: row.get(1)?,
        brand: row.get(2)?,
        title: row.get(3)?,
        subtitle: row.get(4)?,
        price,
        list_price: row.get(6)?,
        price_varies: row.get::<_, crate::money::Cents>(7)? > price,
        media: row.get(8)?,
    })
}

fn counts(tx: &Transaction<'_>, column: &str, condition: &Condition) -> Result<Vec<(u32, u32)>, Fault> {
    let sql = format!(
        "SELECT {column}, count(*) AS n {} GROUP BY {column} ORDER BY n DESC, {column} LIMIT {FACETS_MAX}",
        condition.sql()
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let counts = statement
        .query_map(params_from_iter(condition.values.iter()), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(counts)
}
