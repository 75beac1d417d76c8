//! Home, categories and search.

use axum::extract::{Path, State};
use axum::response::Response;

use super::listing::{PAGE_SIZE, Selection};
use super::{HTML, Storefront};
use crate::product::api::{Category, CategoryId, Dictionary, Found, Listing, Paging, Sort};
use crate::product::media_path;
use crate::web::freshness::{self, Freshness};
use crate::web::input::Params;
use crate::web::pages::{CategoryPage, Hero, HomePage, Image, Link, SearchPage, Tile};
use crate::web::problem::Problem;
use crate::web::site::html;
use crate::web::surrogate::Tag;

const HOME_ROW: u32 = 10;
const HERO_PICTURES: usize = 4;
/// Tags of one page; the products on it, and what it is.
const TAGS_MAX: usize = 48;

pub(super) async fn home(State(front): State<Storefront>) -> Result<Response, Problem> {
    let dictionary = front.catalogue.dictionary().await?;
    let row = |sort| {
        let paging = Paging { page: 1, size: HOME_ROW };
        front.catalogue.list(Listing { terms: None, category: None, brand: None, sort, paging })
    };
    let (deals, picks) = (row(Sort::Discount).await?, row(Sort::Popular).await?);
    let tags = tags(&[Tag::Home], &[&deals, &picks]);
    let pictures = picks.cards.iter().take(HERO_PICTURES);
    let hero = Hero {
        eyebrow: "11 November".to_owned(),
        headline: "Everything for the day of deals".to_owned(),
        text: "Prices are down across the shop. What you order is held for you the moment you place the order."
            .to_owned(),
        action: Link { label: "See the biggest discounts".to_owned(), href: "/search?sort=discount".to_owned() },
        pictures: pictures.map(|card| Image { src: media_path(&card.media), alt: String::new() }).collect(),
    };
    let mut frame = front.site.frame("Everything for your home, your desk and your days").await;
    "Phones, kitchens, clothes and groceries with stock you can trust.".clone_into(&mut frame.description);
    let page = HomePage {
        frame,
        hero,
        tiles: tiles(&dictionary, None),
        deals: front.cards(deals.cards).await?,
        picks: front.cards(picks.cards).await?,
    };
    Ok(freshness::kept(Freshness::Page, HTML, html(&page).0, &tags))
}

pub(super) async fn category(
    State(front): State<Storefront>,
    Path(slug): Path<String>,
    Params(params): Params,
) -> Result<Response, Problem> {
    let dictionary = front.catalogue.dictionary().await?;
    let category = dictionary.category_by_slug(&slug).ok_or_else(Problem::not_found)?;
    let selection = Selection::in_category(&params, &dictionary, category)?;
    let found = selection.find(&front.catalogue).await?;
    let tags = tags(&[Tag::Category(category.id)], &[&found]);
    let mut frame = front.site.frame(category.name.clone()).await;
    frame.description = format!("{} at Harbour: {} products in stock and on offer.", category.name, found.total);
    let mut crumbs = crumbs(&dictionary, category.id);
    crumbs.pop(); // the page itself
    let page = CategoryPage {
        frame,
        name: category.name.clone(),
        crumbs,
        subcategories: tiles(&dictionary, Some(category.id)),
        listing: selection.shown(&front, &dictionary, found).await?,
    };
    Ok(freshness::kept(Freshness::Page, HTML, html(&page).0, &tags))
}

pub(super) async fn search(State(front): State<Storefront>, Params(params): Params) -> Result<Response, Problem> {
    let dictionary = front.catalogue.dictionary().await?;
    let selection = Selection::in_search(&params, &dictionary)?;
    let found = match selection.asks_for_something() {
        true => selection.find(&front.catalogue).await?,
        false => Found::default(),
    };
    let tags = tags(&[Tag::Search], &[&found]);
    let heading = match (selection.query(), selection.brand_name(&dictionary)) {
        ("", Some(brand)) => brand.to_owned(),
        ("", None) => "All products".to_owned(),
        (words, _) => format!("Results for “{words}”"),
    };
    let mut frame = front.site.frame(heading.clone()).await;
    selection.query().clone_into(&mut frame.query);
    let suggestions = if found.cards.is_empty() { tiles(&dictionary, None) } else { Vec::new() };
    let listing = selection.shown(&front, &dictionary, found).await?;
    let page = SearchPage { frame, heading, suggestions, listing };
    Ok(freshness::kept(Freshness::Search, HTML, html(&page).0, &tags))
}

/// From "Home" down to the category itself.
pub(super) fn crumbs(dictionary: &Dictionary, category: CategoryId) -> Vec<Link> {
    let home = Link { label: "Home".to_owned(), href: "/".to_owned() };
    let below = dictionary.path(category).into_iter();
    let link =
        |category: &Category| Link { label: category.name.clone(), href: format!("/category/{}", category.slug) };
    std::iter::once(home).chain(below.map(link)).collect()
}

fn tiles(dictionary: &Dictionary, parent: Option<CategoryId>) -> Vec<Tile> {
    let tile = |category: &Category| Tile {
        href: format!("/category/{}", category.slug),
        name: category.name.clone(),
        picture: Image { src: media_path(&category.media), alt: String::new() },
    };
    dictionary.children(parent).map(tile).collect()
}

/// What the page is, and each product that it shows.
pub(super) fn tags(of: &[Tag], shown: &[&Found]) -> Vec<Tag> {
    let products = shown.iter().flat_map(|found| found.cards.iter().map(|card| Tag::Product(card.id)));
    of.iter().copied().chain(products).take(TAGS_MAX.max(PAGE_SIZE as usize + of.len())).collect()
}
