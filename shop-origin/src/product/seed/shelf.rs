//! How the data of a department is written down: groups of shelves, each with what its products have in common.

use super::draw::Draw;
use crate::product::picture::{Kind, Tone};

/// A top category with the makers and manners that its products share.
pub(super) struct Department {
    pub(super) name: &'static str,
    pub(super) brands: &'static [&'static str],
    pub(super) models: Models,
    /// Closing sentences of descriptions: what every product of the department keeps.
    pub(super) promises: &'static [&'static str],
    pub(super) groups: &'static [Group],
}

impl Department {
    /// What stands for the department in pictures.
    pub(super) fn example(&self) -> &Shelf {
        self.groups[0].example()
    }
}

/// A category of the second level.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) shelves: &'static [Shelf],
}

impl Group {
    /// What stands for the group in pictures.
    pub(super) fn example(&self) -> &Shelf {
        &self.shelves[0]
    }
}

/// A leaf of the category tree, and what is drawn for each product that stands on it.
///
/// `title`, `subtitle` and `pitch` may name `{brand}`, `{model}`, `{noun}` and any of the facts, such as `{Capacity}`.
pub(super) struct Shelf {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The colours it is made in; pictures use no other.
    pub(super) tones: &'static [Tone],
    /// Lowest and highest usual price of the cheapest variant, in yuan.
    pub(super) price: (u32, u32),
    pub(super) nouns: &'static [&'static str],
    pub(super) title: &'static str,
    pub(super) subtitle: &'static str,
    /// Attributes, each with the values it may take.
    pub(super) facts: &'static [(&'static str, &'static [&'static str])],
    /// What a buyer chooses; each combination is a SKU.
    pub(super) choices: &'static [Choice],
    /// Opening sentences of descriptions; two are drawn.
    pub(super) pitch: &'static [&'static str],
}

/// Something that a buyer chooses.
pub(super) enum Choice {
    /// Two or three colours; each has its own picture.
    Colour,
    /// Named values, each with the percentage that it adds to the price.
    Of(&'static str, &'static [(&'static str, u32)]),
}

/// How a department names its models.
pub(super) enum Models {
    /// "Orbit 12 Pro".
    Numbered(&'static [&'static str]),
    /// "Coastline".
    Named(&'static [&'static str]),
    /// "The Winter Lighthouse": an opening and a close, as titles of books are.
    Titled(&'static [&'static str], &'static [&'static str]),
}

impl Models {
    pub(super) fn name(&self, draw: &mut Draw) -> String {
        match self {
            Models::Numbered(series) => {
                let number = 2 + draw.below(18);
                let edition = draw.pick(&["", "", "", " Pro", " Lite", " SE", " Plus", " Max"]);
                format!("{} {number}{edition}", draw.pick(series))
            }
            Models::Named(names) => (*draw.pick(names)).to_owned(),
            Models::Titled(openings, closes) => format!("{} {}", draw.pick(openings), draw.pick(closes)),
        }
    }
}

/// For what is made in every colour.
pub(super) const ANY_TONE: &[Tone] = &Tone::ALL;
/// Sizes of clothing; they cost the same.
pub(super) const CLOTHES_SIZES: Choice = Choice::Of("Size", &[("S", 0), ("M", 0), ("L", 0), ("XL", 0)]);
/// European shoe sizes; they cost the same.
pub(super) const SHOE_SIZES: Choice = Choice::Of("Size", &[("38", 0), ("40", 0), ("42", 0), ("44", 0)]);
