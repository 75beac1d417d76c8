//! What a visitor has chosen in a list, read from a URL, and the URLs of every other choice.

use super::Storefront;
use crate::product::api::{
    BrandId, Catalogue, Category, CategoryId, Dictionary, Found, Listing as Wanted, Paging, Sort, Terms,
};
use crate::web::input::Fields;
use crate::web::pages::{Facet, FacetChoice, Link, Listing, PageLinks};
use crate::web::problem::Problem;

pub(super) const PAGE_SIZE: u32 = 24;
const QUERY_CHARS_MAX: usize = 100;
/// Page numbers shown to each side of the current one.
const PAGES_AROUND: u32 = 2;

/// A checked choice. Unknown brands, categories and orders are refused: every page has one address.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    /// The path of the list, without its query.
    path: String,
    /// Words of a search; `None` in a category.
    query: Option<String>,
    /// The category whose page it is.
    fixed: Option<CategoryId>,
    /// The category that a search is narrowed to.
    category: Option<(CategoryId, String)>,
    brand: Option<(BrandId, String)>,
    sort: Sort,
    page: u32,
}

impl Selection {
    pub(super) fn in_category(
        params: &Fields,
        dictionary: &Dictionary,
        category: &Category,
    ) -> Result<Selection, Problem> {
        Ok(Selection {
            path: format!("/category/{}", category.slug),
            query: None,
            fixed: Some(category.id),
            category: None,
            brand: brand(params, dictionary)?,
            sort: sort(params, Sort::Popular)?,
            page: page(params)?,
        })
    }

    pub(super) fn in_search(params: &Fields, dictionary: &Dictionary) -> Result<Selection, Problem> {
        let category = match params.get("category").filter(|slug| !slug.is_empty()) {
            Some(slug) => {
                let known = dictionary.category_by_slug(slug).ok_or_else(|| unknown("category"))?;
                Some((known.id, known.slug.clone()))
            }
            None => None,
        };
        Ok(Selection {
            path: "/search".to_owned(),
            query: Some(params.text("q").trim().chars().take(QUERY_CHARS_MAX).collect()),
            fixed: None,
            category,
            brand: brand(params, dictionary)?,
            sort: sort(params, Sort::Relevance)?,
            page: page(params)?,
        })
    }

    pub(super) fn query(&self) -> &str {
        self.query.as_deref().unwrap_or_default()
    }

    pub(super) fn brand_name<'a>(&self, dictionary: &'a Dictionary) -> Option<&'a str> {
        let (id, _) = self.brand.as_ref()?;
        Some(&dictionary.brands.get(id)?.name)
    }

    /// A search without words may still ask for a category, a brand or an order.
    pub(super) fn asks_for_something(&self) -> bool {
        !self.query().is_empty() || self.category.is_some() || self.brand.is_some() || self.sort != Sort::Relevance
    }

    /// What there is of it. Words that are nothing but signs find nothing, rather than everything.
    pub(super) async fn find(&self, catalogue: &Catalogue) -> Result<Found, Problem> {
        let terms = Terms::parse(self.query());
        if terms.is_none() && !self.query().is_empty() {
            return Ok(Found::default());
        }
        let wanted = Wanted {
            terms,
            category: self.fixed.or(self.category.as_ref().map(|(id, _)| *id)),
            brand: self.brand.as_ref().map(|(id, _)| *id),
            sort: self.sort,
            paging: self.paging(),
        };
        Ok(catalogue.list(wanted).await?)
    }

    pub(super) fn paging(&self) -> Paging {
        Paging { page: self.page, size: PAGE_SIZE }
    }

    /// What was found, with the ways to narrow, sort and turn it. A page beyond the last is not there.
    pub(super) async fn shown(
        &self,
        front: &Storefront,
        dictionary: &Dictionary,
        found: Found,
    ) -> Result<Listing, Problem> {
        if self.page > self.paging().pages(found.total) {
            return Err(Problem::not_found());
        }
        let mut facets = vec![self.brand_facet(dictionary, &found)];
        if self.fixed.is_none() {
            facets.insert(0, self.category_facet(dictionary, &found));
        }
        facets.retain(|facet| facet.choices.len() > 1 || facet.choices.iter().any(|choice| choice.selected));
        let chosen = self.category.is_some() || self.brand.is_some();
        let everything = Selection { category: None, brand: None, page: 1, ..self.clone() };
        Ok(Listing {
            total: found.total.into(),
            facets,
            sorts: self.sorts(),
            clear: chosen.then(|| Link { label: "Clear filters".to_owned(), href: everything.href() }),
            pages: self.pages(found.total),
            cards: front.cards(found.cards).await?,
        })
    }

    fn brand_facet(&self, dictionary: &Dictionary, found: &Found) -> Facet {
        let choices = found.brands.iter().filter_map(|(id, count)| {
            let brand = dictionary.brands.get(id)?;
            let selected = self.brand.as_ref().is_some_and(|(chosen, _)| chosen == id);
            let other = (!selected).then(|| (*id, brand.slug.clone()));
            let href = Selection { brand: other, page: 1, ..self.clone() }.href();
            Some(FacetChoice { label: brand.name.clone(), href, count: Some((*count).into()), selected })
        });
        Facet { name: "Brand".to_owned(), choices: choices.collect() }
    }

    fn category_facet(&self, dictionary: &Dictionary, found: &Found) -> Facet {
        let choices = found.categories.iter().filter_map(|(id, count)| {
            let category = dictionary.category(*id)?;
            let selected = self.category.as_ref().is_some_and(|(chosen, _)| chosen == id);
            let other = (!selected).then(|| (*id, category.slug.clone()));
            let href = Selection { category: other, page: 1, ..self.clone() }.href();
            Some(FacetChoice { label: category.name.clone(), href, count: Some((*count).into()), selected })
        });
        Facet { name: "Category".to_owned(), choices: choices.collect() }
    }

    fn sorts(&self) -> Vec<FacetChoice> {
        let offered = Sort::ALL.into_iter().filter(|sort| *sort != Sort::Relevance || !self.query().is_empty());
        let choice = |sort: Sort| FacetChoice {
            label: sort.label().to_owned(),
            href: Selection { sort, page: 1, ..self.clone() }.href(),
            count: None,
            selected: sort == self.sort || (sort == Sort::Popular && self.sort_is_moot()),
        };
        offered.map(choice).collect()
    }

    /// "Best match" of no words is not offered; what is shown then is what is popular.
    fn sort_is_moot(&self) -> bool {
        self.sort == Sort::Relevance && self.query().is_empty()
    }

    fn pages(&self, total: u32) -> PageLinks {
        let last = self.paging().pages(total);
        if last == 1 {
            return PageLinks::default();
        }
        let to = |page| Selection { page, ..self.clone() }.href();
        let (first_near, last_near) =
            (self.page.saturating_sub(PAGES_AROUND).max(1), (self.page + PAGES_AROUND).min(last));
        let mut numbers: Vec<u32> = (first_near..=last_near).chain([1, last]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let number =
            |page| FacetChoice { label: format!("{page}"), href: to(page), count: None, selected: page == self.page };
        PageLinks {
            previous: (self.page > 1).then(|| to(self.page - 1)),
            next: (self.page < last).then(|| to(self.page + 1)),
            numbers: numbers.into_iter().map(number).collect(),
        }
    }

    /// The one address of this choice: what is usual is not written, and the order is always the same.
    fn href(&self) -> String {
        let usual = if self.query.is_some() { Sort::Relevance } else { Sort::Popular };
        let page = self.page.to_string();
        let mut parts: Vec<(&str, &str)> = Vec::new();
        parts.extend(self.query.as_deref().filter(|query| !query.is_empty()).map(|query| ("q", query)));
        parts.extend(self.category.as_ref().map(|(_, slug)| ("category", slug.as_str())));
        parts.extend(self.brand.as_ref().map(|(_, slug)| ("brand", slug.as_str())));
        parts.extend((self.sort != usual).then_some(("sort", self.sort.key())));
        parts.extend((self.page > 1).then_some(("page", page.as_str())));
        match serde_urlencoded::to_string(parts) {
            Ok(query) if !query.is_empty() => format!("{}?{query}", self.path),
            _ => self.path.clone(),
        }
    }
}

fn brand(params: &Fields, dictionary: &Dictionary) -> Result<Option<(BrandId, String)>, Problem> {
    match params.get("brand").filter(|slug| !slug.is_empty()) {
        Some(slug) => {
            let known = dictionary.brand_by_slug(slug).ok_or_else(|| unknown("brand"))?;
            Ok(Some((known.id, known.slug.clone())))
        }
        None => Ok(None),
    }
}

fn sort(params: &Fields, usual: Sort) -> Result<Sort, Problem> {
    match params.get("sort").filter(|key| !key.is_empty()) {
        Some(key) => Sort::from_key(key).ok_or_else(|| unknown("order")),
        None => Ok(usual),
    }
}

fn page(params: &Fields) -> Result<u32, Problem> {
    match params.get("page").filter(|page| !page.is_empty()) {
        Some(page) => page
            .parse()
            .ok()
            .filter(|page| (1..=Paging::PAGE_MAX).contains(page))
            .ok_or_else(|| Problem::bad_request(format!("Pages are numbered from 1 to {}.", Paging::PAGE_MAX))),
        None => Ok(1),
    }
}

fn unknown(what: &str) -> Problem {
    Problem::bad_request(format!("There is no such {what} in this shop."))
}
