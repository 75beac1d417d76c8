//! Department: beauty and care.

use super::shelf::Choice::{Colour, Of};
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::{Kind, Tone};

pub(super) const DEPARTMENT: Department = Department {
    name: "Beauty & care",
    brands: &["Sorrelle", "Mossandra", "Petalume", "Aqualys", "Herbwright", "Noctelle", "Verbane", "Cloudberry Lab"],
    models: Models::Named(&[
        "Calm", "Dew", "Radiance", "Balance", "Silk", "Renew", "Bare", "Bloom", "Hydra", "Velvet", "Clarity", "Halcyon",
    ]),
    promises: &[
        "Not tested on animals. The full list of ingredients is on the box.",
        "Bottled in small lots; the date is on the base.",
        "Sealed when it leaves us; return it unopened within 30 days.",
    ],
    groups: &[
        Group { name: "Skin care", shelves: &[SERUMS, CREAMS] },
        Group { name: "Make-up & fragrance", shelves: &[LIPSTICKS, PERFUMES] },
        Group { name: "Hair & body", shelves: &[SHAMPOOS] },
    ],
};

const SERUMS: Shelf = Shelf {
    name: "Serums",
    kind: Kind::Dropper,
    tones: ANY_TONE,
    price: (69, 599),
    nouns: &["Face Serum", "Daily Serum", "Hydrating Serum"],
    title: "{brand} {model} {noun}",
    subtitle: "{Active} · {Skin}",
    facts: &[
        ("Active", &["Hyaluronic acid 2%", "Niacinamide 5%", "Vitamin C 10%", "Squalane"]),
        ("Skin", &["all skin types", "dry skin", "combination skin"]),
        ("Scent", &["Unscented", "Light, botanical"]),
        ("After opening", &["6 months", "12 months"]),
    ],
    choices: &[Of("Volume", &[("30 ml", 0), ("50 ml", 45)])],
    pitch: &[
        "A light serum with {Active} that sinks in within a minute.",
        "Three drops in the morning are enough. Made for {Skin}.",
    ],
};

const CREAMS: Shelf = Shelf {
    name: "Face creams",
    kind: Kind::Jar,
    tones: ANY_TONE,
    price: (59, 499),
    nouns: &["Day Cream", "Face Cream", "Moisturiser"],
    title: "{brand} {model} {noun}",
    subtitle: "{Texture} · {Skin}",
    facts: &[
        ("Texture", &["Light gel", "Rich cream", "Whipped cream"]),
        ("Skin", &["all skin types", "dry skin", "sensitive skin"]),
        ("Key ingredient", &["Ceramides", "Oat extract", "Shea butter"]),
        ("Jar", &["Glass, can be refilled"]),
    ],
    choices: &[Of("Volume", &[("50 ml", 0), ("100 ml", 60)])],
    pitch: &[
        "{Texture} with {Key ingredient}: comfort without shine.",
        "Goes on under make-up and stays out of the way. The jar can be refilled.",
    ],
};

const LIPSTICKS: Shelf = Shelf {
    name: "Lipsticks",
    kind: Kind::Lipstick,
    tones: &[Tone::Rose, Tone::Clay, Tone::Crimson, Tone::Plum],
    price: (49, 329),
    nouns: &["Lipstick", "Lip Colour"],
    title: "{brand} {model} {noun}",
    subtitle: "{Finish} · {Hold}",
    facts: &[
        ("Finish", &["Satin", "Matt", "Sheer"]),
        ("Hold", &["up to 6 hours", "up to 8 hours"]),
        ("Care", &["Shea butter", "Jojoba oil"]),
        ("Weight", &["3.2 g"]),
    ],
    choices: &[Colour],
    pitch: &[
        "{Finish} colour in one stroke, {Hold}, and never dry.",
        "Soft like a balm thanks to {Care}, with the colour of a lipstick.",
    ],
};

const PERFUMES: Shelf = Shelf {
    name: "Perfumes",
    kind: Kind::Perfume,
    tones: ANY_TONE,
    price: (159, 1_299),
    nouns: &["Eau de Parfum", "Eau de Toilette"],
    title: "{brand} {model} {noun}",
    subtitle: "{Head} · {Heart} · {Base}",
    facts: &[
        ("Head", &["Bergamot", "Pink pepper", "Mandarin"]),
        ("Heart", &["Jasmine", "Fig leaf", "Iris"]),
        ("Base", &["Cedar", "White musk", "Vetiver"]),
        ("Made as", &["Natural spray"]),
    ],
    choices: &[Of("Volume", &[("50 ml", 0), ("100 ml", 55)])],
    pitch: &[
        "Opens with {Head}, settles on {Heart}, and leaves {Base} on a scarf.",
        "Quiet on the first day, missed on the third.",
    ],
};

const SHAMPOOS: Shelf = Shelf {
    name: "Shampoo & body wash",
    kind: Kind::Pump,
    tones: ANY_TONE,
    price: (29, 189),
    nouns: &["Shampoo", "Body Wash"],
    title: "{brand} {model} {noun}, {Scent}",
    subtitle: "{Made without} · {Scent}",
    facts: &[
        ("Scent", &["Rosemary", "Orange Blossom", "Sea Salt", "Green Tea"]),
        ("Made without", &["Silicone-free", "Sulphate-free"]),
        ("Bottle", &["Recycled PET, refill sold separately"]),
    ],
    choices: &[Of("Volume", &[("300 ml", 0), ("500 ml", 40)])],
    pitch: &[
        "Foams gently, rinses clean, and smells of {Scent} until the towel takes over.",
        "{Made without} and kind to colour; the pump gives just enough.",
    ],
};
