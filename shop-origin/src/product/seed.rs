//! The catalogue a fresh shop is filled with: invented, believable, and the same for the same seed.
//!
//! What may be sold is data: one file per department below `seed/`, in shelves (the leaves of the category tree). This
//! file draws products from the shelves, one from each in turn, until the number of SKUs asked for is reached. Every
//! product draws from a generator of its own, so a larger catalogue begins with the products of a smaller one.

mod draw;
mod shelf;
mod price;
mod electronics;
mod appliances;
mod kitchen;
mod home;
mod fashion;
mod sports;
mod beauty;
mod groceries;
mod books;
mod toys;
mod garden;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use super::picture::{Kind, Picture, Tone, View};
use draw::Draw;
use shelf::{Choice, Department, Shelf};

/// Everything the shop knows about what it sells, before the first order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Catalogue {
    /// Parents stand before their children.
    pub(crate) categories: Vec<Category>,
    pub(crate) brands: Vec<Brand>,
    pub(crate) products: Vec<Product>,
}

/// A node of the category tree: department, group or shelf. Products stand on shelves only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Category {
    pub(crate) id: u32,
    pub(crate) parent: Option<u32>,
    /// Unique; letters, digits and hyphens.
    pub(crate) slug: String,
    pub(crate) name: String,
    /// What a tile of this category shows.
    pub(crate) picture: Picture,
}

/// An invented maker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Brand {
    pub(crate) id: u32,
    /// Unique; letters, digits and hyphens.
    pub(crate) slug: String,
    pub(crate) name: String,
}

/// What a product page is about. It is bought as one of its SKUs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Product {
    pub(crate) id: u64,
    /// A leaf of the tree.
    pub(crate) category: u32,
    pub(crate) brand: u32,
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// Two or three sentences of plain text.
    pub(crate) description: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// Never empty; the first one is the one offered first.
    pub(crate) skus: Vec<Sku>,
    /// The gallery, never empty: one picture per colour, then other views.
    pub(crate) pictures: Vec<Picture>,
    pub(crate) kind: Kind,
    /// How much it is asked for, over 0 and up to 1; few products are popular.
    pub(crate) popularity: f64,
}

/// One variant of a product: what is counted, priced and put into a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sku {
    pub(crate) id: u64,
    /// The options in words, such as "Graphite, 256 GB"; "Standard" where there is nothing to choose.
    pub(crate) label: String,
    pub(crate) options: Vec<(String, String)>,
    pub(crate) price_cents: i64,
    /// Not below the price; equal where nothing is taken off.
    pub(crate) list_price_cents: i64,
    pub(crate) stock: u32,
    /// Index into the product's pictures.
    pub(crate) picture: usize,
}

/// All departments in the order in which the shop shows them.
const DEPARTMENTS: [&Department; 11] = [
    &electronics::DEPARTMENT,
    &appliances::DEPARTMENT,
    &kitchen::DEPARTMENT,
    &home::DEPARTMENT,
    &fashion::DEPARTMENT,
    &sports::DEPARTMENT,
    &beauty::DEPARTMENT,
    &groceries::DEPARTMENT,
    &books::DEPARTMENT,
    &toys::DEPARTMENT,
    &garden::DEPARTMENT,
];

const PRODUCT_ID_FIRST: u64 = 10_001;
/// A SKU's id is its product's, times this, plus its place: readable in a log, and unique while no product has more.
const SKUS_PER_PRODUCT_MAX: u64 = 100;
/// How often a title is drawn again when another product already has it. A very large catalogue may repeat some.
const TITLE_ATTEMPTS: u64 = 6;

/// Fills a catalogue with exactly `skus` SKUs.
pub(crate) fn catalogue(seed: u64, skus: usize) -> Catalogue {
    let (categories, places) = plant_tree();
    let (brands, first_brands) = found_brands();
    let mut products = Vec::with_capacity(skus / 3 + 1);
    let mut titles = HashSet::new();
    let mut left = skus;
    for place in places.iter().cycle() {
        if left == 0 {
            break;
        }
        let id = PRODUCT_ID_FIRST + products.len() as u64;
        let attempt = |attempt| compose(place, first_brands[place.department], id, Draw::new([seed, id, attempt]));
        let mut product = attempt(0);
        for again in 1..TITLE_ATTEMPTS {
            if !titles.contains(&product.title) {
                break;
            }
            product = attempt(again);
        }
        product.skus.truncate(left);
        left -= product.skus.len();
        titles.insert(product.title.clone());
        products.push(product);
    }
    Catalogue { categories, brands, products }
}

/// A shelf with its place in the tree.
struct Place {
    category: u32,
    department: usize,
    shelf: &'static Shelf,
}

fn plant_tree() -> (Vec<Category>, Vec<Place>) {
    let mut categories: Vec<Category> = Vec::new();
    let mut places = Vec::new();
    let mut add = |parent, name: &str, example: &Shelf| {
        let id = categories.len() as u32 + 1;
        let tone = example.tones[id as usize % example.tones.len()];
        let picture = Picture::new(example.kind, tone, u64::from(id), View::Front);
        categories.push(Category { id, parent, slug: slug(name), name: name.to_owned(), picture });
        id
    };
    for (department, shown) in DEPARTMENTS.iter().enumerate() {
        let top = add(None, shown.name, shown.example());
        for group in shown.groups {
            let middle = add(Some(top), group.name, group.example());
            for shelf in group.shelves {
                let category = add(Some(middle), shelf.name, shelf);
                places.push(Place { category, department, shelf });
            }
        }
    }
    // Turns go over departments, not along one: any beginning of the catalogue is a bit of everything.
    let mut turn = vec![0; DEPARTMENTS.len()];
    places.sort_by_cached_key(|place| {
        turn[place.department] += 1;
        (turn[place.department], place.department)
    });
    (categories, places)
}

/// All brands, and per department the id of its first one.
fn found_brands() -> (Vec<Brand>, Vec<u32>) {
    let mut brands = Vec::new();
    let mut first = Vec::new();
    for department in DEPARTMENTS {
        first.push(brands.len() as u32 + 1);
        for name in department.brands {
            brands.push(Brand { id: brands.len() as u32 + 1, slug: slug(name), name: (*name).to_owned() });
        }
    }
    (brands, first)
}

fn compose(place: &Place, first_brand: u32, id: u64, mut draw: Draw) -> Product {
    let (department, shelf) = (DEPARTMENTS[place.department], place.shelf);
    let brand = draw.below(department.brands.len() as u64) as usize;
    let model = department.models.name(&mut draw);
    let facts: Vec<(&str, &str)> = shelf.facts.iter().map(|(name, values)| (*name, *draw.pick(values))).collect();
    let noun = draw.pick(shelf.nouns);
    let words = |pattern: &str| {
        let named = [("brand", department.brands[brand]), ("model", &model), ("noun", noun)];
        named
            .iter()
            .chain(&facts)
            .fold(pattern.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    };
    let title = words(shelf.title);
    let subtitle = capitalised(&words(shelf.subtitle));
    let sentences = draw.some(shelf.pitch, 2).into_iter().chain(draw.some(department.promises, 1));
    let description = sentences.map(|sentence| capitalised(&words(sentence))).collect::<Vec<_>>().join(" ");
    let colours = 2 + draw.below(2) as usize;
    let tones = draw.some(shelf.tones, colours);
    let scene = draw.next();
    let skus = variants(shelf, id, &tones, &mut draw);
    let mut attributes = vec![("Brand".to_owned(), department.brands[brand].to_owned())];
    attributes.extend(facts.iter().map(|(name, value)| ((*name).to_owned(), capitalised(value))));
    Product {
        id,
        category: place.category,
        brand: first_brand + brand as u32,
        title,
        subtitle,
        description,
        attributes,
        pictures: gallery(shelf, &tones, scene),
        skus,
        kind: shelf.kind,
        popularity: draw.fraction().powi(4).max(1e-4),
    }
}

/// Every combination of the shelf's choices, in order, priced from one base price.
fn variants(shelf: &Shelf, id: u64, tones: &[Tone], draw: &mut Draw) -> Vec<Sku> {
    let mut combinations = vec![Combination::default()];
    for choice in shelf.choices {
        combinations = combinations.iter().flat_map(|so_far| so_far.each(choice, tones)).collect();
    }
    let base = price::base(shelf.price, draw);
    let discount = price::discount(draw);
    (1..SKUS_PER_PRODUCT_MAX)
        .zip(combinations)
        .map(|(place, combination)| {
            let price_cents = price::with_extra(base, combination.extra_percent);
            let values: Vec<&str> = combination.options.iter().map(|(_, value)| value.as_str()).collect();
            let label = if values.is_empty() { "Standard".to_owned() } else { values.join(", ") };
            Sku {
                id: id * SKUS_PER_PRODUCT_MAX + place,
                label,
                picture: combination.picture,
                options: combination.options,
                price_cents,
                list_price_cents: price::before(price_cents, discount),
                stock: price::stock(price_cents, draw),
            }
        })
        .collect()
}

/// One way to answer the choices that a shelf gives.
#[derive(Clone, Default)]
struct Combination {
    options: Vec<(String, String)>,
    extra_percent: u32,
    picture: usize,
}

impl Combination {
    fn each(&self, choice: &Choice, tones: &[Tone]) -> Vec<Combination> {
        let with = |name: &str, value: &str| {
            let mut longer = self.clone();
            longer.options.push((name.to_owned(), value.to_owned()));
            longer
        };
        match choice {
            Choice::Colour => tones
                .iter()
                .enumerate()
                .map(|(picture, tone)| Combination { picture, ..with("Colour", tone.name()) })
                .collect(),
            Choice::Of(name, values) => values
                .iter()
                .map(|(value, extra)| Combination { extra_percent: self.extra_percent + extra, ..with(name, value) })
                .collect(),
        }
    }
}

/// One picture per colour to choose, or one alone; then a closer look and a pair.
fn gallery(shelf: &Shelf, tones: &[Tone], scene: u64) -> Vec<Picture> {
    let coloured = shelf.choices.iter().any(|choice| matches!(choice, Choice::Colour));
    let shown = if coloured { tones } else { &tones[..1] };
    let front = |tone: &Tone| Picture::new(shelf.kind, *tone, scene, View::Front);
    let others = [View::Close, View::Pair(tones[1])].map(|view| Picture::new(shelf.kind, tones[0], scene, view));
    shown.iter().map(front).chain(others).collect()
}

/// "solid oak" -> "Solid oak".
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// "Pots & pans" -> "pots-pans".
fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}
