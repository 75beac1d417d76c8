use proptest::prelude::*;
use rusqlite::Connection;

use super::*;
use crate::backing::blob::Blobs;
use crate::money::Cents;
use crate::product::api::{Listing, Paging, Sort, Terms};
use crate::product::seed::catalogue;

fn filled(skus: usize) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    for step in SCHEMA.steps {
        connection.execute_batch(step).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let catalogue = catalogue(1, skus);
    let pictures = Pictures::keep(&catalogue, &Blobs::open(folder.path().to_owned()).unwrap()).unwrap();
    let tx = connection.transaction().unwrap();
    fill(&tx, &catalogue, &pictures, 1).unwrap();
    tx.commit().unwrap();
    connection
}

fn everything() -> Listing {
    let paging = Paging { page: 1, size: 1000 };
    Listing { terms: None, category: None, brand: None, sort: Sort::Relevance, paging }
}

fn searched(text: &str) -> Listing {
    Listing { terms: Terms::parse(text), ..everything() }
}

#[test]
fn words_and_parts_of_words_are_found() {
    let mut connection = filled(400);
    let tx = connection.transaction().unwrap();
    let all = list(&tx, &everything(), None).unwrap();
    assert_eq!(all.total as usize, all.cards.len());
    let known = &all.cards[0];
    for text in [known.title.clone(), known.title.to_uppercase(), known.title[..known.title.len() / 2].to_owned()] {
        let found = list(&tx, &searched(&text), None).unwrap();
        assert!(found.cards.iter().any(|card| card.id == known.id), "{text}");
    }
    assert_eq!(list(&tx, &searched("zzzzzz"), None).unwrap().total, 0);
}

#[test]
fn a_list_is_narrowed_sorted_and_turned() {
    let mut connection = filled(400);
    let tx = connection.transaction().unwrap();
    let all = list(&tx, &everything(), None).unwrap();
    let (brand, count) = all.brands[0];
    let of_brand = list(&tx, &Listing { brand: Some(brand), ..everything() }, None).unwrap();
    assert_eq!(of_brand.total, count);
    assert_eq!(of_brand.brands, all.brands, "another brand can still be chosen");
    let (category, count) = of_brand.categories[0];
    let within = list(&tx, &Listing { brand: Some(brand), ..everything() }, Some(&[category])).unwrap();
    assert_eq!(within.total, count);
    assert!(within.cards.iter().all(|card| card.brand == brand && card.category == category));

    let prices = |sort| -> Vec<Cents> {
        list(&tx, &Listing { sort, ..everything() }, None).unwrap().cards.iter().map(|card| card.price).collect()
    };
    assert!(prices(Sort::PriceUp).is_sorted());
    assert!(prices(Sort::PriceDown).iter().rev().is_sorted());

    let page = |page| {
        let paging = Paging { page, size: 7 };
        list(&tx, &Listing { sort: Sort::PriceUp, paging, ..everything() }, None).unwrap()
    };
    let turned: Vec<ProductId> = (1..=all.total.div_ceil(7)).flat_map(|n| page(n).cards).map(|card| card.id).collect();
    let at_once = list(&tx, &Listing { sort: Sort::PriceUp, ..everything() }, None).unwrap();
    assert_eq!(turned, at_once.cards.iter().map(|card| card.id).collect::<Vec<_>>());
}

#[test]
fn a_changed_price_is_seen_in_lists_and_offers() {
    let mut connection = filled(60);
    let tx = connection.transaction().unwrap();
    let id = list(&tx, &everything(), None).unwrap().cards[0].id;
    let sku = product(&tx, id).unwrap().unwrap().skus.last().unwrap().id;
    tx.execute("UPDATE product_sku SET price_cents = 1 WHERE id = ?1", [sku.cast_signed()]).unwrap();
    assert_eq!(offers(&tx, &[sku]).unwrap()[&sku].price, Cents(1));
    let cards = list(&tx, &everything(), None).unwrap().cards;
    assert_eq!(cards.iter().find(|card| card.id == id).unwrap().price, Cents(1));
}

#[test]
fn ids_that_nobody_has_are_nothing() {
    let mut connection = filled(60);
    let tx = connection.transaction().unwrap();
    for id in [0, 1, u64::MAX, i64::MAX as u64 + 1] {
        assert!(product(&tx, id).unwrap().is_none());
        assert!(offers(&tx, &[id]).unwrap().is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Whatever is searched for, the answer is products or none, never an error of SQL or of the index.
    #[test]
    fn no_text_breaks_the_search(text in "\\PC{0,40}|[\"'*()^:+\\-a-c ]{0,40}|(NEAR|AND|OR|NOT|\\*| |\"){0,12}") {
        thread_local!(static SHOP: std::cell::RefCell<Connection> = std::cell::RefCell::new(filled(60)));
        SHOP.with_borrow_mut(|connection| {
            let tx = connection.transaction().unwrap();
            list(&tx, &searched(&text), None).map(|_| ()).map_err(|fault| TestCaseError::fail(fault.to_string()))
        })?;
    }
}
