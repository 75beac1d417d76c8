//! Department: kitchen and dining.

use super::shelf::Choice::{Colour, Of};
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::{Kind, Tone};

pub(super) const DEPARTMENT: Department = Department {
    name: "Kitchen & dining",
    brands: &[
        "Emberly Forge",
        "Saltmarten",
        "Copperwren",
        "Tavolino",
        "Kilnfield",
        "Ashgrove Table",
        "Linden & Clay",
        "Panneto",
    ],
    models: Models::Named(&[
        "Everyday", "Heritage", "Harvest", "Hearth", "Nordic", "Atelier", "Bistro", "Meadow", "Coast", "Studio", "Kin",
        "Gather",
    ]),
    promises: &[
        "Tested for food contact; packed in paper, not foam.",
        "If it breaks on the way, a new one leaves the same day.",
        "Made to be used daily and handed on.",
    ],
    groups: &[
        Group { name: "Cookware", shelves: &[PANS, POTS, KNIVES] },
        Group { name: "Tableware", shelves: &[MUGS, BOWLS, FLASKS] },
    ],
};

const PANS: Shelf = Shelf {
    name: "Frying pans",
    kind: Kind::Pan,
    tones: &[Tone::Graphite, Tone::Forest, Tone::HarbourBlue, Tone::Crimson],
    price: (89, 699),
    nouns: &["Frying Pan", "Skillet", "Sauté Pan"],
    title: "{brand} {model} {Material} {noun}",
    subtitle: "{Finish} · {Hobs}",
    facts: &[
        ("Material", &["Cast Iron", "Carbon Steel"]),
        ("Finish", &["Pre-seasoned", "Pre-seasoned, ground smooth"]),
        ("Hobs", &["all hobs including induction", "gas and ceramic hobs"]),
        ("Handle", &["Beech", "Riveted steel"]),
    ],
    choices: &[Of("Diameter", &[("24 cm", 0), ("28 cm", 18)])],
    pitch: &[
        "Heats evenly to the rim and gives a proper crust. {Hobs}.",
        "{Handle} handle, balanced weight, and a surface that gets better with every egg.",
    ],
};

const POTS: Shelf = Shelf {
    name: "Pots & casseroles",
    kind: Kind::Pot,
    tones: ANY_TONE,
    price: (129, 1_299),
    nouns: &["Casserole", "Stock Pot", "Dutch Oven"],
    title: "{brand} {model} {Material} {noun}",
    subtitle: "{Material} · {Oven} · lid included",
    facts: &[
        ("Material", &["Enamelled Iron", "Enamelled Steel"]),
        ("Oven", &["oven-safe to 250 °C", "oven-safe to 200 °C"]),
        ("Hobs", &["All hobs including induction", "Gas and ceramic hobs"]),
    ],
    choices: &[Colour, Of("Volume", &[("2.8 L", 0), ("4.5 L", 28)])],
    pitch: &[
        "For Sunday stews and weekday soups: thick walls, a heavy lid, and juices that stay inside.",
        "{Material}, {Oven}, and good-looking enough to go straight to the table.",
    ],
};

const KNIVES: Shelf = Shelf {
    name: "Kitchen knives",
    kind: Kind::Knife,
    tones: &[Tone::Graphite, Tone::Forest, Tone::Plum, Tone::HarbourBlue, Tone::Crimson],
    price: (69, 899),
    nouns: &["Chef's Knife", "Santoku Knife", "Utility Knife"],
    title: "{brand} {model} {noun}, {Blade}",
    subtitle: "{Steel} · {Hardness} · {Handle}",
    facts: &[
        ("Blade", &["13 cm", "17 cm", "20 cm"]),
        ("Steel", &["Stainless steel", "67-layer steel", "High-carbon steel"]),
        ("Hardness", &["56 HRC", "58 HRC", "61 HRC"]),
        ("Handle", &["walnut", "ash", "olive wood"]),
    ],
    choices: &[],
    pitch: &[
        "Sharp out of the box and easy to keep so: {Steel} at {Hardness}, ground thin.",
        "The {Handle} handle sits between two fingers, as it should.",
    ],
};

const MUGS: Shelf = Shelf {
    name: "Mugs",
    kind: Kind::Mug,
    tones: ANY_TONE,
    price: (25, 149),
    nouns: &["Mug", "Coffee Mug", "Tea Mug"],
    title: "{brand} {model} {Material} {noun}",
    subtitle: "{Volume} · {Care}",
    facts: &[
        ("Material", &["Stoneware", "Porcelain", "Enamel"]),
        ("Volume", &["280 ml", "350 ml", "420 ml"]),
        ("Care", &["dishwasher and microwave safe", "dishwasher safe"]),
    ],
    choices: &[Colour, Of("Set", &[("One", 0), ("Set of 4", 260)])],
    pitch: &[
        "A handle for a whole hand and {Volume} for a whole morning.",
        "{Material} glazed by hand, so no two are quite alike.",
    ],
};

const BOWLS: Shelf = Shelf {
    name: "Bowls & plates",
    kind: Kind::Bowl,
    tones: ANY_TONE,
    price: (29, 269),
    nouns: &["Bowl", "Noodle Bowl", "Serving Bowl"],
    title: "{brand} {model} {Material} {noun}",
    subtitle: "{Diameter} · {Care}",
    facts: &[
        ("Material", &["Stoneware", "Porcelain", "Bamboo Fibre"]),
        ("Diameter", &["14 cm", "18 cm", "22 cm"]),
        ("Care", &["dishwasher and microwave safe", "dishwasher safe"]),
    ],
    choices: &[Colour, Of("Set", &[("One", 0), ("Set of 4", 250)])],
    pitch: &[
        "Deep enough for noodles, wide enough for salad, and it stacks without a wobble.",
        "A quiet glaze that lets the food speak. {Care}.",
    ],
};

const FLASKS: Shelf = Shelf {
    name: "Flasks & bottles",
    kind: Kind::Flask,
    tones: ANY_TONE,
    price: (49, 299),
    nouns: &["Insulated Bottle", "Vacuum Flask", "Travel Bottle"],
    title: "{brand} {model} {noun}",
    subtitle: "{Warm} warm · {Cold} cold · {Material}",
    facts: &[
        ("Material", &["304 stainless steel", "316 stainless steel"]),
        ("Warm", &["8 hours", "12 hours"]),
        ("Cold", &["16 hours", "24 hours"]),
        ("Lid", &["Leak-proof, one hand", "Leak-proof, with cup"]),
    ],
    choices: &[Colour, Of("Volume", &[("350 ml", 0), ("500 ml", 15)])],
    pitch: &[
        "Tea that is still warm when the hike is over. {Lid}.",
        "Fits a bicycle cage, a car's holder and the side pocket of a backpack.",
    ],
};
