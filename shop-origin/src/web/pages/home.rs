//! The first page.

use askama::Template;

use super::{Card, Frame, Image, Link};

/// GET /
#[derive(Template)]
#[template(path = "home.html")]
pub(crate) struct HomePage {
    pub(crate) frame: Frame,
    pub(crate) hero: Hero,
    /// Departments with a picture each.
    pub(crate) tiles: Vec<Tile>,
    /// The largest savings of the day; the section is left out when empty.
    pub(crate) deals: Vec<Card>,
    /// What is asked for most; the section is left out when empty.
    pub(crate) picks: Vec<Card>,
}

/// The banner of a sale day, or of any other.
pub(crate) struct Hero {
    /// A few words above the headline, such as "11 November".
    pub(crate) eyebrow: String,
    pub(crate) headline: String,
    pub(crate) text: String,
    pub(crate) action: Link,
    /// Up to four pictures; decoration, so their texts are not read out.
    pub(crate) pictures: Vec<Image>,
}

/// A category with its picture.
pub(crate) struct Tile {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) picture: Image,
}
