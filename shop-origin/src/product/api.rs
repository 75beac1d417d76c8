//! What other subsystems may ask the catalogue, and in which shapes it answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use super::seed;
use super::store;
use crate::backing::blob::Blobs;
use crate::backing::db::{Db, Fault};
use crate::money::Cents;

pub(crate) use super::rules::{Paging, Sort, Terms};

/// Categories and brands hardly ever change, and several processes may change them: each looks again after this.
const DICTIONARY_LIFE: Duration = Duration::from_secs(30);

pub(crate) type CategoryId = u32;
pub(crate) type BrandId = u32;
pub(crate) type ProductId = u64;
pub(crate) type SkuId = u64;

/// The catalogue of this process.
#[derive(Clone)]
pub(crate) struct Catalogue {
    db: Db,
    media: Blobs,
    dictionary: Cache<(), Arc<Dictionary>>,
}

/// The static part of the catalogue, small enough to be held in memory.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    /// Parents before their children, in the order in which they are shown.
    pub(crate) categories: Vec<Category>,
    pub(crate) brands: HashMap<BrandId, Brand>,
}

#[derive(Debug, Clone)]
pub(crate) struct Category {
    pub(crate) id: CategoryId,
    pub(crate) parent: Option<CategoryId>,
    pub(crate) slug: String,
    pub(crate) name: String,
    /// The name of its picture among the blobs.
    pub(crate) media: String,
}

#[derive(Debug, Clone)]
pub(crate) struct Brand {
    pub(crate) id: BrandId,
    pub(crate) slug: String,
    pub(crate) name: String,
}

/// A product as it stands in a list.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    pub(crate) id: ProductId,
    pub(crate) category: CategoryId,
    pub(crate) brand: BrandId,
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// Of its cheapest SKU.
    pub(crate) price: Cents,
    pub(crate) list_price: Cents,
    /// Its SKUs do not all cost the same.
    pub(crate) price_varies: bool,
    pub(crate) media: String,
}

/// Which products to list.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) terms: Option<Terms>,
    /// With everything below it.
    pub(crate) category: Option<CategoryId>,
    pub(crate) brand: Option<BrandId>,
    pub(crate) sort: Sort,
    pub(crate) paging: Paging,
}

/// One page of a listing, and what is in the whole of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) cards: Vec<Card>,
    pub(crate) total: u32,
    /// Products per brand, as if no brand had been chosen; most first.
    pub(crate) brands: Vec<(BrandId, u32)>,
    /// Products per leaf category.
    pub(crate) categories: Vec<(CategoryId, u32)>,
}

/// All that a product page says, but stock.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) id: ProductId,
    pub(crate) category: CategoryId,
    pub(crate) brand: BrandId,
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) description: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) media: Vec<String>,
    pub(crate) skus: Vec<Sku>,
}

#[derive(Debug, Clone)]
pub(crate) struct Sku {
    pub(crate) id: SkuId,
    pub(crate) label: String,
    pub(crate) options: Vec<(String, String)>,
    pub(crate) price: Cents,
    pub(crate) list_price: Cents,
    pub(crate) media: String,
}

/// What a SKU is and costs now: the shop's word, whatever a client may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) sku: SkuId,
    pub(crate) product: ProductId,
    pub(crate) title: String,
    pub(crate) label: String,
    pub(crate) price: Cents,
    pub(crate) list_price: Cents,
    pub(crate) media: String,
}

/// How a catalogue was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filling {
    pub(crate) seed: u64,
    pub(crate) products: u32,
    pub(crate) skus: u32,
}

impl Catalogue {
    pub(crate) fn new(db: Db, media: Blobs) -> Catalogue {
        let dictionary = Cache::builder().max_capacity(1).time_to_live(DICTIONARY_LIFE).build();
        Catalogue { db, media, dictionary }
    }

    /// Categories and brands, at most [`DICTIONARY_LIFE`] old.
    pub(crate) async fn dictionary(&self) -> Result<Arc<Dictionary>, Arc<Fault>> {
        self.dictionary.try_get_with((), async { self.db.read(store::dictionary).await.map(Arc::new) }).await
    }

    pub(crate) async fn list(&self, listing: Listing) -> Result<Found, Arc<Fault>> {
        let dictionary = self.dictionary().await?;
        let within = listing.category.map(|category| dictionary.subtree(category));
        Ok(self.db.read(move |tx| store::list(tx, &listing, within.as_deref())).await?)
    }

    pub(crate) async fn product(&self, id: ProductId) -> Result<Option<Product>, Fault> {
        self.db.read(move |tx| store::product(tx, id)).await
    }

    /// The offers of those `skus` that exist, in no particular order.
    pub(crate) async fn offers(&self, skus: Vec<SkuId>) -> Result<HashMap<SkuId, Offer>, Fault> {
        self.db.read(move |tx| store::offers(tx, &skus)).await
    }

    /// A picture's SVG text.
    pub(crate) async fn media(&self, name: &str) -> std::io::Result<Option<Vec<u8>>> {
        self.media.get(name).await
    }

    /// How the catalogue was filled, or `None` when it was not.
    pub(crate) async fn filling(&self) -> Result<Option<Filling>, Fault> {
        self.db.read(store::filling).await
    }

    /// Fills an empty catalogue. Its marker is written last and with the rest: half a catalogue cannot be seen.
    pub(crate) async fn fill(&self, catalogue: seed::Catalogue, seed: u64) -> Result<Filling, anyhow::Error> {
        let media = self.media.clone();
        let (catalogue, pictures) = tokio::task::spawn_blocking(move || {
            let pictures = store::Pictures::keep(&catalogue, &media)?;
            Ok::<_, std::io::Error>((catalogue, pictures))
        })
        .await??;
        Ok(self.db.write(move |tx| store::fill(tx, &catalogue, &pictures, seed)).await?)
    }
}

impl Dictionary {
    pub(crate) fn category(&self, id: CategoryId) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }

    pub(crate) fn category_by_slug(&self, slug: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.slug == slug)
    }

    pub(crate) fn brand_by_slug(&self, slug: &str) -> Option<&Brand> {
        self.brands.values().find(|brand| brand.slug == slug)
    }

    pub(crate) fn children(&self, parent: Option<CategoryId>) -> impl Iterator<Item = &Category> {
        self.categories.iter().filter(move |category| category.parent == parent)
    }

    /// From the department down to the category itself.
    pub(crate) fn path(&self, id: CategoryId) -> Vec<&Category> {
        let mut path: Vec<&Category> =
            std::iter::successors(self.category(id), |category| self.category(category.parent?)).collect();
        path.reverse();
        path
    }

    /// The category and everything below it.
    pub(crate) fn subtree(&self, top: CategoryId) -> Vec<CategoryId> {
        let mut within = vec![top];
        for category in &self.categories {
            // Parents come first, so one pass finds every depth.
            if category.parent.is_some_and(|parent| within.contains(&parent)) {
                within.push(category.id);
            }
        }
        within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(parents: &[Option<CategoryId>]) -> Dictionary {
        let category = |(place, parent): (usize, &Option<CategoryId>)| {
            let id = place as CategoryId + 1;
            Category { id, parent: *parent, slug: format!("c{id}"), name: format!("C{id}"), media: String::new() }
        };
        Dictionary { categories: parents.iter().enumerate().map(category).collect(), brands: HashMap::new() }
    }

    #[test]
    fn the_tree_is_walked_both_ways() {
        let dictionary = tree(&[None, Some(1), Some(2), Some(1), None]);
        assert_eq!(dictionary.subtree(1), [1, 2, 3, 4]);
        assert_eq!(dictionary.subtree(5), [5]);
        let path: Vec<_> = dictionary.path(3).iter().map(|category| category.id).collect();
        assert_eq!(path, [1, 2, 3]);
        assert!(dictionary.path(99).is_empty());
        assert_eq!(dictionary.children(Some(1)).count(), 2);
    }
}
