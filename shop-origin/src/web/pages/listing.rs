//! Pages that list products: a category, and the results of a search.

use askama::Template;

use super::{Card, Frame, Link, Tile};

/// GET /category/{slug}
#[derive(Template)]
#[template(path = "category.html")]
pub(crate) struct CategoryPage {
    pub(crate) frame: Frame,
    pub(crate) name: String,
    /// From "Home" to the parent of this category.
    pub(crate) crumbs: Vec<Link>,
    /// Direct children; empty for a leaf.
    pub(crate) subcategories: Vec<Tile>,
    pub(crate) listing: Listing,
}

/// GET /search
#[derive(Template)]
#[template(path = "search.html")]
pub(crate) struct SearchPage {
    /// With the words in `query`.
    pub(crate) frame: Frame,
    /// Above what was found, such as "Results for “kettle”".
    pub(crate) heading: String,
    /// Shown where nothing was found or asked for: departments to go on with.
    pub(crate) suggestions: Vec<Tile>,
    pub(crate) listing: Listing,
}

/// One page of products, with the ways to narrow, sort and turn it.
#[derive(Default)]
pub(crate) struct Listing {
    /// How many products there are over all pages.
    pub(crate) total: u64,
    pub(crate) cards: Vec<Card>,
    /// Ways to narrow, such as "Brand" and "Price"; those without choices are left out.
    pub(crate) facets: Vec<Facet>,
    /// Orders to choose from; exactly one is selected.
    pub(crate) sorts: Vec<FacetChoice>,
    /// Where everything chosen in `facets` is undone; nothing when nothing is chosen.
    pub(crate) clear: Option<Link>,
    pub(crate) pages: PageLinks,
}

/// One way to narrow a list.
pub(crate) struct Facet {
    pub(crate) name: String,
    pub(crate) choices: Vec<FacetChoice>,
}

impl Facet {
    fn any_selected(&self) -> bool {
        self.choices.iter().any(|choice| choice.selected)
    }
}

/// A link that chooses, or, where it is selected, undoes the choice.
pub(crate) struct FacetChoice {
    pub(crate) label: String,
    pub(crate) href: String,
    /// How many products it would leave, if known.
    pub(crate) count: Option<u64>,
    pub(crate) selected: bool,
}

/// Page 1 of 1 needs no links: leave everything empty.
#[derive(Default)]
pub(crate) struct PageLinks {
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
    /// Pages near this one, in order, with the current one selected; gaps are the caller's choice.
    pub(crate) numbers: Vec<FacetChoice>,
}
