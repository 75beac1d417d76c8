//! Department: plants and garden.

use super::shelf::Choice::{Colour, Of};
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::Kind;

pub(super) const DEPARTMENT: Department = Department {
    name: "Plants & garden",
    brands: &["Greenlatch", "Fernwick", "Rootwell", "Pottering", "Dewfield", "Trowel & Twine"],
    models: Models::Named(&[
        "Terrace",
        "Balcony",
        "Conservatory",
        "Cottage",
        "Patio",
        "Windowsill",
        "Orchard",
        "Courtyard",
        "Allotment",
    ]),
    promises: &[
        "Grown or made close to where it is sold.",
        "Arrives well or is replaced: send us a picture within three days.",
        "A card says how much light and water it likes.",
    ],
    groups: &[
        Group { name: "Plants", shelves: &[HOUSE_PLANTS, SUCCULENTS] },
        Group { name: "Garden tools", shelves: &[WATERING_CANS, HAND_TOOLS] },
    ],
};

const HOUSE_PLANTS: Shelf = Shelf {
    name: "House plants",
    kind: Kind::Plant,
    tones: ANY_TONE,
    price: (29, 399),
    nouns: &["Rubber Plant", "Monstera", "Peace Lily", "Dragon Tree", "Fiddle-Leaf Fig"],
    title: "{brand} {model} {noun} in a Ceramic Pot",
    subtitle: "{Light} · {Water}",
    facts: &[
        ("Light", &["Half shade", "Bright, no direct sun", "Tolerates shade"]),
        ("Water", &["once a week", "every ten days"]),
        ("Pot", &["Glazed ceramic with saucer"]),
        ("Care", &["Easy", "Very easy"]),
    ],
    choices: &[Colour, Of("Height", &[("40 cm", 0), ("70 cm", 65)])],
    pitch: &[
        "Care: {Care}. Likes {Light} and water {Water}.",
        "Already at home in its pot; put it down and it has always been there.",
    ],
};

const SUCCULENTS: Shelf = Shelf {
    name: "Cacti & succulents",
    kind: Kind::Cactus,
    tones: ANY_TONE,
    price: (15, 129),
    nouns: &["Cactus", "Column Cactus", "Succulent"],
    title: "{brand} {model} {noun} in a Clay Pot",
    subtitle: "{Light} · {Water}",
    facts: &[
        ("Light", &["Full sun", "Bright window"]),
        ("Water", &["twice a month", "once a month"]),
        ("Pot", &["Clay, 9 cm", "Clay, 12 cm"]),
    ],
    choices: &[Colour],
    pitch: &["Asks for {Light} and a drink {Water}. Nothing else.", "The right plant for people who travel."],
};

const WATERING_CANS: Shelf = Shelf {
    name: "Watering cans",
    kind: Kind::WateringCan,
    tones: ANY_TONE,
    price: (39, 259),
    nouns: &["Watering Can", "Long-Spout Watering Can"],
    title: "{brand} {model} {noun}",
    subtitle: "{Material} · {Rose}",
    facts: &[
        ("Material", &["Powder-coated steel", "Galvanised steel", "Recycled plastic"]),
        ("Rose", &["brass rose", "fine rose, removable"]),
        ("Balance", &["Handle for one hand", "Two handles"]),
    ],
    choices: &[Colour, Of("Volume", &[("1.5 L", 0), ("5 L", 45)])],
    pitch: &["Pours where you point it: {Rose}, long spout, no drip.", "{Material}, made to stand outside all winter."],
};

const HAND_TOOLS: Shelf = Shelf {
    name: "Hand tools",
    kind: Kind::Trowel,
    tones: ANY_TONE,
    price: (29, 229),
    nouns: &["Hand Trowel", "Planting Trowel", "Garden Trowel"],
    title: "{brand} {model} {noun}, {Handle}",
    subtitle: "{Blade} · {Handle} handle",
    facts: &[
        ("Blade", &["Stainless steel", "Forged carbon steel"]),
        ("Handle", &["ash", "beech", "oak"]),
        ("Length", &["28 cm", "32 cm"]),
        ("Loop", &["Leather"]),
    ],
    choices: &[],
    pitch: &[
        "{Blade} that goes through roots, {Handle} that does not give blisters.",
        "Depth marks on the blade, a loop for the hook by the door.",
    ],
};
