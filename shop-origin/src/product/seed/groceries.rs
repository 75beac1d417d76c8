//! Department: groceries.

use super::shelf::Choice::Of;
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::Kind;

pub(super) const DEPARTMENT: Department = Department {
    name: "Groceries",
    brands: &[
        "Millstone & Daughters",
        "Goldenrow",
        "Hillpath",
        "Harvest Quay",
        "Terrace Nine",
        "Sunfurrow",
        "Little Orchard",
        "Saltbridge",
    ],
    models: Models::Named(&[
        "Spring",
        "Autumn",
        "Hillside",
        "Valley",
        "Old Town",
        "First Pick",
        "Farmhouse",
        "Riverside",
        "Village",
        "Reserve",
    ]),
    promises: &[
        "Packed to order; at least six months before its date when it leaves us.",
        "Store it cool, dry and away from light.",
        "The lot number on the pack leads to field and day.",
    ],
    groups: &[
        Group { name: "Tea & coffee", shelves: &[TEA, COFFEE] },
        Group { name: "Pantry", shelves: &[RICE, OIL, PRESERVES] },
        Group { name: "Snacks", shelves: &[BISCUITS] },
    ],
};

const TEA: Shelf = Shelf {
    name: "Tea",
    kind: Kind::TeaTin,
    tones: ANY_TONE,
    price: (29, 399),
    nouns: &["Green Tea", "Oolong", "Black Tea", "White Tea", "Jasmine Tea"],
    title: "{brand} {model} {noun}",
    subtitle: "{Leaf} · {Taste}",
    facts: &[
        ("Leaf", &["Whole leaf", "Hand-rolled", "Spring picking"]),
        ("Taste", &["mellow", "floral", "sweet, with a long finish"]),
        ("Brewing", &["85 °C for 2 minutes", "90 °C for 3 minutes"]),
        ("Tin", &["Airtight, can be refilled"]),
    ],
    choices: &[Of("Weight", &[("100 g", 0), ("250 g", 120)])],
    pitch: &[
        "{Leaf}, {Taste}. Good for three infusions; the second is the best.",
        "From gardens above the mist line. Brew at {Brewing}.",
    ],
};

const COFFEE: Shelf = Shelf {
    name: "Coffee",
    kind: Kind::CoffeeBag,
    tones: ANY_TONE,
    price: (39, 189),
    nouns: &["Espresso Beans", "Filter Beans", "House Blend"],
    title: "{brand} {model} {noun}, {Roast} Roast",
    subtitle: "{Notes} · {Process}",
    facts: &[
        ("Roast", &["Light", "Medium", "Dark"]),
        ("Notes", &["Chocolate, hazelnut", "Red berries, cane sugar", "Caramel, orange"]),
        ("Process", &["washed", "natural", "honey"]),
        ("Roasted", &["Every Tuesday"]),
    ],
    choices: &[Of("Weight", &[("250 g", 0), ("1 kg", 230)])],
    pitch: &[
        "{Notes}. Roasted on Tuesday, with you by the weekend.",
        "A {Roast} roast that is as happy in a moka pot as in a machine.",
    ],
};

const RICE: Shelf = Shelf {
    name: "Rice & grains",
    kind: Kind::Sack,
    tones: ANY_TONE,
    price: (19, 159),
    nouns: &["Short-Grain Rice", "Jasmine Rice", "Brown Rice", "Millet"],
    title: "{brand} {model} {noun}",
    subtitle: "{Crop} · {Texture}",
    facts: &[
        ("Crop", &["New crop", "Single farm", "Organic"]),
        ("Texture", &["soft, slightly sticky", "loose and fragrant", "nutty"]),
        ("Water", &["1 : 1.2", "1 : 1.5"]),
    ],
    choices: &[Of("Weight", &[("2.5 kg", 0), ("5 kg", 88)])],
    pitch: &[
        "{Crop}, milled this month: {Texture}.",
        "Rinse twice, cook at {Water}, wait ten minutes. That is the whole secret.",
    ],
};

const OIL: Shelf = Shelf {
    name: "Oils",
    kind: Kind::OilBottle,
    tones: ANY_TONE,
    price: (25, 259),
    nouns: &["Olive Oil", "Rapeseed Oil", "Sesame Oil"],
    title: "{brand} {model} {noun}",
    subtitle: "{Pressing} · {Taste}",
    facts: &[
        ("Pressing", &["Cold-pressed", "Stone-pressed"]),
        ("Taste", &["mild", "peppery", "nutty"]),
        ("Bottle", &["Dark glass"]),
    ],
    choices: &[Of("Volume", &[("500 ml", 0), ("1 L", 85)])],
    pitch: &[
        "{Pressing} and {Taste}: for finishing a dish as much as for making one.",
        "In dark glass, as light is its only enemy.",
    ],
};

const PRESERVES: Shelf = Shelf {
    name: "Honey",
    kind: Kind::Preserve,
    tones: ANY_TONE,
    price: (19, 139),
    nouns: &["Blossom Honey", "Acacia Honey", "Chestnut Honey", "Wildflower Honey"],
    title: "{brand} {model} {noun}",
    subtitle: "{Made} · {Taste}",
    facts: &[
        ("Made", &["Cold-spun", "From one hillside", "Slowly stirred"]),
        ("Taste", &["mild and clear", "strong, a little bitter", "full and flowery"]),
        ("Added", &["Nothing"]),
    ],
    choices: &[Of("Weight", &[("250 g", 0), ("500 g", 80)])],
    pitch: &[
        "For bread in the morning and cheese at night: {Taste}.",
        "{Made}, never heated. You taste the meadow, then the summer.",
    ],
};

const BISCUITS: Shelf = Shelf {
    name: "Biscuits",
    kind: Kind::Biscuits,
    tones: ANY_TONE,
    price: (15, 129),
    nouns: &["Butter Biscuits", "Oat Biscuits", "Chocolate Chip Biscuits"],
    title: "{brand} {model} {noun}",
    subtitle: "{Baked} · {Pack}",
    facts: &[
        ("Baked", &["Baked with butter", "Baked in small lots"]),
        ("Pack", &["12 pieces, wrapped singly", "24 pieces"]),
        ("May contain", &["Nuts, sesame, milk"]),
    ],
    choices: &[Of("Boxes", &[("One box", 0), ("Three boxes", 175)])],
    pitch: &[
        "{Baked}, a pinch of salt, and a box good enough to give away.",
        "Made to be shared; {Pack} make it possible.",
    ],
};
