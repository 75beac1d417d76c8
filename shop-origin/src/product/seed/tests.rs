//! What a seeded catalogue must always be.

use std::collections::HashSet;

use super::*;

fn all_unique<T: std::hash::Hash + Eq>(values: impl Iterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    values.into_iter().all(|value| seen.insert(value))
}

#[test]
fn the_same_seed_gives_the_same_catalogue_and_another_seed_another() {
    assert_eq!(catalogue(7, 300), catalogue(7, 300));
    assert_ne!(catalogue(7, 300).products, catalogue(8, 300).products);
}

#[test]
fn has_exactly_as_many_skus_as_asked_for() {
    for skus in [0, 1, 2, 7, 500, 2_000, 2_001] {
        let found: usize = catalogue(1, skus).products.iter().map(|product| product.skus.len()).sum();
        assert_eq!(found, skus);
    }
}

#[test]
fn a_larger_catalogue_begins_with_the_smaller_one() {
    let (small, large) = (catalogue(3, 400), catalogue(3, 900));
    let whole = small.products.len() - 1; // the last one may be cut short
    assert_eq!(small.products[..whole], large.products[..whole]);
}

#[test]
fn ids_slugs_and_default_titles_are_unique() {
    let shop = catalogue(1, 2_000);
    assert!(all_unique(shop.categories.iter().map(|category| category.id)));
    assert!(all_unique(shop.categories.iter().map(|category| &category.slug)));
    assert!(all_unique(shop.brands.iter().map(|brand| brand.id)));
    assert!(all_unique(shop.brands.iter().map(|brand| &brand.slug)));
    assert!(all_unique(shop.products.iter().map(|product| product.id)));
    assert!(all_unique(shop.products.iter().map(|product| &product.title)));
    assert!(all_unique(shop.products.iter().flat_map(|product| &product.skus).map(|sku| sku.id)));
    let plain = |slug: &str| slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    assert!(shop.categories.iter().all(|category| plain(&category.slug)));
    assert!(shop.brands.iter().all(|brand| plain(&brand.slug)));
}

#[test]
fn the_tree_has_three_levels_and_products_stand_on_leaves() {
    let shop = catalogue(1, 2_000);
    let parent = |id: u32| shop.categories.iter().find(|category| category.id == id).and_then(|found| found.parent);
    let parents: HashSet<u32> = shop.categories.iter().filter_map(|category| category.parent).collect();
    for product in &shop.products {
        assert!(!parents.contains(&product.category), "{} stands on a leaf", product.title);
        let group = parent(product.category).expect("a leaf has a group");
        let department = parent(group).expect("a group has a department");
        assert_eq!(parent(department), None);
        assert!(shop.brands.iter().any(|brand| brand.id == product.brand));
    }
    let stocked: HashSet<u32> = shop.products.iter().map(|product| product.category).collect();
    assert_eq!(stocked.len(), shop.categories.len() - parents.len(), "no leaf of the default shop is empty");
}

#[test]
fn prices_are_sane() {
    let places = plant_tree().1;
    for product in catalogue(5, 5_000).products {
        let shelf = places.iter().find(|place| place.category == product.category).expect("a shelf").shelf;
        for sku in &product.skus {
            assert!(sku.price_cents >= i64::from(shelf.price.0) * 80, "{}: {}", product.title, sku.price_cents);
            assert!(sku.price_cents <= i64::from(shelf.price.1) * 400, "{}: {}", product.title, sku.price_cents);
            assert!(sku.list_price_cents >= sku.price_cents);
            assert!(sku.list_price_cents <= sku.price_cents * 2, "{}: {}", product.title, sku.list_price_cents);
        }
    }
}

#[test]
fn every_word_is_filled_in_and_every_picture_exists() {
    for product in catalogue(2, 3_000).products {
        for text in [&product.title, &product.subtitle, &product.description] {
            assert!(!text.is_empty() && !text.contains(['{', '}']), "unfilled: {text}");
        }
        assert!(product.popularity > 0.0 && product.popularity <= 1.0);
        for sku in &product.skus {
            assert!(sku.picture < product.pictures.len());
            assert!(!sku.label.is_empty());
        }
        assert!(all_unique(product.skus.iter().map(|sku| &sku.label)), "{}", product.title);
    }
}

#[test]
fn ten_times_the_default_is_still_exact() {
    let shop = catalogue(1, 20_000);
    assert_eq!(shop.products.iter().map(|product| product.skus.len()).sum::<usize>(), 20_000);
}

#[test]
fn slugs_keep_letters_and_digits_only() {
    assert_eq!(slug("Pots & casseroles"), "pots-casseroles");
    assert_eq!(slug("T-shirts"), "t-shirts");
}
