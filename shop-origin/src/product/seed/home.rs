//! Department: home and furniture.

use super::shelf::Choice::{Colour, Of};
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::Kind;

pub(super) const DEPARTMENT: Department = Department {
    name: "Home & furniture",
    brands: &["Oakmere", "Lindqvarn", "Havenloom", "Stillroom", "Birchway", "Morrowhaus", "Woolgather", "Lumenfold"],
    models: Models::Named(&[
        "Alder", "Birk", "Clara", "Dune", "Elm", "Fjell", "Grove", "Hazel", "Isla", "Juniper", "Lund", "Moss", "Orla",
        "Pine",
    ]),
    promises: &[
        "Delivered flat, assembled in half an hour; every screw is numbered.",
        "Wood from certified forests, textiles tested for harmful substances.",
        "Try it at home for 30 days.",
    ],
    groups: &[
        Group { name: "Furniture", shelves: &[CHAIRS, SOFAS, DESKS] },
        Group { name: "Lighting", shelves: &[TABLE_LAMPS, PENDANTS] },
        Group { name: "Textiles", shelves: &[PILLOWS, TOWELS] },
    ],
};

const CHAIRS: Shelf = Shelf {
    name: "Chairs",
    kind: Kind::Chair,
    tones: ANY_TONE,
    price: (199, 1_599),
    nouns: &["Dining Chair", "Chair", "Lounge Chair"],
    title: "{brand} {model} {noun}, {Frame}",
    subtitle: "{Frame} · seat {Seat} · up to {Load}",
    facts: &[
        ("Frame", &["solid ash", "solid oak", "beech"]),
        ("Seat", &["45 cm high", "46 cm high", "42 cm high"]),
        ("Cover", &["Wool blend", "Boucle", "Leatherette"]),
        ("Load", &["110 kg", "130 kg"]),
    ],
    choices: &[Colour],
    pitch: &[
        "A back that gives a little, a seat in {Cover}, and legs of {Frame} that do not mark the floor.",
        "Made for long dinners: {Seat}, rounded edges, easy to lift.",
    ],
};

const SOFAS: Shelf = Shelf {
    name: "Sofas",
    kind: Kind::Sofa,
    tones: ANY_TONE,
    price: (1_499, 7_999),
    nouns: &["Sofa", "Fabric Sofa", "Sofa with Washable Covers"],
    title: "{brand} {model} {noun}",
    subtitle: "{Cover} · {Depth} deep · {Legs} legs",
    facts: &[
        ("Cover", &["Linen blend", "Corduroy", "Velvet", "Boucle"]),
        ("Depth", &["82 cm", "90 cm", "98 cm"]),
        ("Legs", &["oak", "walnut", "black steel"]),
        ("Filling", &["Cold foam on springs", "Feathers over cold foam"]),
    ],
    choices: &[Colour, Of("Seats", &[("Two seats", 0), ("Three seats", 26)])],
    pitch: &[
        "{Filling}: firm enough to read on, soft enough to fall asleep on.",
        "Covers in {Cover} come off with a zip and wash at 30 degrees.",
    ],
};

const DESKS: Shelf = Shelf {
    name: "Desks",
    kind: Kind::Desk,
    tones: ANY_TONE,
    price: (399, 3_299),
    nouns: &["Writing Desk", "Work Desk", "Desk with Drawer"],
    title: "{brand} {model} {noun}, {Top}",
    subtitle: "{Top} top · {Height}",
    facts: &[
        ("Top", &["oak veneer", "bamboo", "birch plywood"]),
        ("Height", &["74 cm high", "62–126 cm, electric"]),
        ("Cable tray", &["Yes"]),
        ("Load", &["60 kg", "100 kg"]),
    ],
    choices: &[Of("Width", &[("120 cm", 0), ("140 cm", 12), ("160 cm", 24)])],
    pitch: &[
        "A calm place to work: {Top}, soft edges, and a tray that swallows the cables.",
        "Stands on all four feet on any floor, and carries {Load} without a tremble.",
    ],
};

const TABLE_LAMPS: Shelf = Shelf {
    name: "Table lamps",
    kind: Kind::Lamp,
    tones: ANY_TONE,
    price: (79, 699),
    nouns: &["Table Lamp", "Bedside Lamp", "Reading Lamp"],
    title: "{brand} {model} {noun}",
    subtitle: "{Light} · {Dimming}",
    facts: &[
        ("Light", &["2,700 K warm white", "2,200–4,000 K", "3,000 K"]),
        ("Dimming", &["stepless", "3 steps", "by touch"]),
        ("Base", &["Ceramic", "Turned wood", "Steel"]),
        ("Bulb", &["E27 LED included", "Built-in LED, replaceable"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Light for the page and not for the whole room: {Light}, dimmed {Dimming}.",
        "{Base} base, linen shade, and a fabric cable long enough for an old flat.",
    ],
};

const PENDANTS: Shelf = Shelf {
    name: "Pendant lights",
    kind: Kind::Pendant,
    tones: ANY_TONE,
    price: (129, 1_299),
    nouns: &["Pendant Light", "Hanging Lamp", "Dining Pendant"],
    title: "{brand} {model} {noun}",
    subtitle: "{Material} · {Diameter} · {Cable} cable",
    facts: &[
        ("Material", &["Spun aluminium", "Opal glass", "Paper cord"]),
        ("Diameter", &["28 cm", "36 cm", "45 cm"]),
        ("Cable", &["1.5 m", "2 m"]),
        ("Socket", &["E27"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Hangs low over the table and lights what is on it, without glare.",
        "{Material}, {Diameter} wide, with a {Cable} cable that can be shortened by hand.",
    ],
};

const PILLOWS: Shelf = Shelf {
    name: "Pillows & bedding",
    kind: Kind::Pillow,
    tones: ANY_TONE,
    price: (59, 499),
    nouns: &["Pillow", "Bed Pillow", "Side-Sleeper Pillow"],
    title: "{brand} {model} {noun}, {Cover}",
    subtitle: "{Cover} · {Filling}",
    facts: &[
        ("Cover", &["washed cotton", "linen", "satin cotton"]),
        ("Filling", &["down feel fibre", "latex flakes", "memory foam"]),
        ("Washing", &["Cover at 60 °C", "Whole at 60 °C"]),
    ],
    choices: &[Colour, Of("Size", &[("48 × 74 cm", 0), ("50 × 90 cm", 20)])],
    pitch: &["Holds the neck and stays cool: {Filling} in {Cover}.", "Fluffs up again after every wash. {Washing}."],
};

const TOWELS: Shelf = Shelf {
    name: "Towels",
    kind: Kind::Towel,
    tones: ANY_TONE,
    price: (29, 199),
    nouns: &["Bath Towel", "Towel", "Waffle Towel"],
    title: "{brand} {model} {noun}, {Weight}",
    subtitle: "{Fibre} · {Weight}",
    facts: &[
        ("Fibre", &["Combed cotton", "Long-staple cotton", "Cotton and linen"]),
        ("Weight", &["380 g/m²", "500 g/m²", "620 g/m²"]),
        ("Washing", &["60 °C", "95 °C"]),
    ],
    choices: &[Colour, Of("Size", &[("50 × 100 cm", 0), ("70 × 140 cm", 80)])],
    pitch: &[
        "{Fibre}, woven dense: dries you at once and itself by evening.",
        "Keeps its colour and its edges through hundreds of washes at {Washing}.",
    ],
};
