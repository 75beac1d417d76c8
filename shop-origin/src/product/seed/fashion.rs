//! Department: fashion.

use super::shelf::Choice::Colour;
use super::shelf::{ANY_TONE, CLOTHES_SIZES, Department, Group, Models, SHOE_SIZES, Shelf};
use crate::product::picture::{Kind, Tone};

pub(super) const DEPARTMENT: Department = Department {
    name: "Fashion",
    brands: &[
        "Marlowe Lane",
        "Thistledown",
        "Corvane",
        "Ansa Studio",
        "Fieldnote",
        "Wexley",
        "Tidewear",
        "Larkspun",
        "Ovanna",
    ],
    models: Models::Named(&[
        "Coastline",
        "Boulevard",
        "Weekend",
        "Harbour",
        "Cedar",
        "Meridian",
        "Field",
        "Sunday",
        "Commuter",
        "Dawn",
        "Atlas",
        "Willow",
        "Transit",
        "Quay",
    ]),
    promises: &[
        "Not your size? Exchange it free of charge within 30 days.",
        "Made in audited workshops; the label says where.",
        "Wash it cold, dry it on a line, and it stays with you for years.",
    ],
    groups: &[
        Group { name: "Clothing", shelves: &[SHIRTS, JACKETS, DRESSES, TROUSERS] },
        Group { name: "Shoes", shelves: &[TRAINERS, BOOTS] },
        Group { name: "Bags & accessories", shelves: &[HANDBAGS, BACKPACKS, CAPS, SUNGLASSES] },
    ],
};

const SHIRTS: Shelf = Shelf {
    name: "T-shirts",
    kind: Kind::Shirt,
    tones: ANY_TONE,
    price: (59, 259),
    nouns: &["T-Shirt", "Crew-Neck T-Shirt", "Printed T-Shirt"],
    title: "{brand} {model} {noun}",
    subtitle: "{Fabric} · {Weight} · {Fit}",
    facts: &[
        ("Fabric", &["100% cotton", "Organic cotton", "Cotton and linen"]),
        ("Weight", &["160 g/m²", "190 g/m²", "240 g/m²"]),
        ("Fit", &["regular fit", "relaxed fit", "boxy fit"]),
        ("Washing", &["30 °C", "40 °C"]),
    ],
    choices: &[Colour, CLOTHES_SIZES],
    pitch: &[
        "{Fabric} of {Weight}: it drapes, does not cling, and keeps its collar.",
        "The T-shirt that you buy again in the next colour: {Fit}, taped shoulders, water-based print.",
    ],
};

const JACKETS: Shelf = Shelf {
    name: "Jackets",
    kind: Kind::Jacket,
    tones: ANY_TONE,
    price: (199, 1_599),
    nouns: &["Rain Jacket", "Field Jacket", "Parka"],
    title: "{brand} {model} {noun}",
    subtitle: "{Shell} · {Lining}",
    facts: &[
        ("Shell", &["recycled nylon", "waxed cotton", "three-layer polyester"]),
        ("Lining", &["unlined", "fleece", "quilted lining"]),
        ("Water column", &["5,000 mm", "10,000 mm", "20,000 mm"]),
        ("Pockets", &["4", "5", "6"]),
    ],
    choices: &[Colour, CLOTHES_SIZES],
    pitch: &[
        "Made for platforms and harbours: {Shell} outside, {Lining} inside, hood that stays up in wind.",
        "Sealed seams and a water column of {Water column}; folds into its own pocket.",
    ],
};

const DRESSES: Shelf = Shelf {
    name: "Dresses",
    kind: Kind::Dress,
    tones: ANY_TONE,
    price: (159, 899),
    nouns: &["Summer Dress", "Wrap Dress", "Belted Dress"],
    title: "{brand} {model} {noun}",
    subtitle: "{Fabric} · {Length}",
    facts: &[
        ("Fabric", &["Linen", "Viscose", "Cotton poplin"]),
        ("Length", &["knee length", "midi", "ankle length"]),
        ("Pockets", &["Two, real ones"]),
        ("Washing", &["30 °C, gentle"]),
    ],
    choices: &[Colour, CLOTHES_SIZES],
    pitch: &[
        "{Fabric} that moves with you from desk to dinner. And yes: pockets.",
        "A waist that can be tied or left alone, {Length}.",
    ],
};

const TROUSERS: Shelf = Shelf {
    name: "Trousers",
    kind: Kind::Trousers,
    tones: &[Tone::HarbourBlue, Tone::Graphite, Tone::Sand, Tone::Sky, Tone::Forest, Tone::Clay],
    price: (119, 699),
    nouns: &["Trousers", "Five-Pocket Trousers", "Chinos"],
    title: "{brand} {model} {noun}",
    subtitle: "{Fabric} · {Fit}",
    facts: &[
        ("Fabric", &["Cotton twill", "Denim, 12 oz", "Linen and cotton"]),
        ("Fit", &["straight", "tapered", "wide"]),
        ("Stretch", &["None", "2% elastane"]),
        ("Washing", &["30 °C", "40 °C"]),
    ],
    choices: &[Colour, CLOTHES_SIZES],
    pitch: &[
        "{Fabric} with a hand that softens by the month, {Fit} leg, deep pockets.",
        "Sits at the waist and stays there, on a bicycle too.",
    ],
};

const TRAINERS: Shelf = Shelf {
    name: "Trainers",
    kind: Kind::Shoe,
    tones: ANY_TONE,
    price: (199, 1_099),
    nouns: &["Trainers", "Running Shoes", "Court Trainers"],
    title: "{brand} {model} {noun}",
    subtitle: "{Upper} · {Sole}",
    facts: &[
        ("Upper", &["Knitted mesh", "Full-grain leather", "Canvas and suede"]),
        ("Sole", &["light foam", "natural rubber", "foam and rubber"]),
        ("Drop", &["4 mm", "8 mm", "10 mm"]),
        ("Weight", &["218 g (size 42)", "262 g (size 42)", "310 g (size 42)"]),
    ],
    choices: &[Colour, SHOE_SIZES],
    pitch: &[
        "{Upper} upper, {Sole} sole: comfortable from the first step, no breaking in.",
        "Grips on wet pavement and looks right with a suit.",
    ],
};

const BOOTS: Shelf = Shelf {
    name: "Boots",
    kind: Kind::Boot,
    tones: &[Tone::Graphite, Tone::Clay, Tone::Sand, Tone::Forest, Tone::Plum],
    price: (299, 1_499),
    nouns: &["Ankle Boots", "Hiking Boots", "Winter Boots"],
    title: "{brand} {model} {noun}",
    subtitle: "{Upper} · {Lining}",
    facts: &[
        ("Upper", &["Nubuck", "Oiled leather", "Suede"]),
        ("Lining", &["textile lining", "wool lining", "waterproof membrane"]),
        ("Sole", &["Lugged rubber", "Stitched, can be resoled"]),
    ],
    choices: &[Colour, SHOE_SIZES],
    pitch: &[
        "{Upper} that takes a scratch well, {Lining}, and a sole for ice and cobbles.",
        "Pull loops, speed hooks, and room for a thick sock.",
    ],
};

const HANDBAGS: Shelf = Shelf {
    name: "Handbags",
    kind: Kind::Bag,
    tones: ANY_TONE,
    price: (199, 1_899),
    nouns: &["Tote Bag", "Shoulder Bag", "Handbag"],
    title: "{brand} {model} {noun}",
    subtitle: "{Material} · {Inside}",
    facts: &[
        ("Material", &["Vegetable-tanned leather", "Canvas and leather", "Vegan leather"]),
        ("Inside", &["holds a 13-inch laptop", "two inner pockets", "zipped inner pocket"]),
        ("Width", &["28 cm", "34 cm", "38 cm"]),
    ],
    choices: &[Colour],
    pitch: &[
        "{Material} that darkens beautifully; {Inside}.",
        "One bag from market to meeting: a wide mouth, a firm base, and a strap that does not slip.",
    ],
};

const BACKPACKS: Shelf = Shelf {
    name: "Backpacks",
    kind: Kind::Backpack,
    tones: ANY_TONE,
    price: (129, 999),
    nouns: &["Backpack", "Roll-Top Backpack", "Laptop Backpack"],
    title: "{brand} {model} {noun}, {Volume}",
    subtitle: "{Volume} · {Material} · {Laptop}",
    facts: &[
        ("Volume", &["16 L", "20 L", "26 L"]),
        ("Material", &["Recycled polyester", "Ballistic nylon", "Waxed canvas"]),
        ("Laptop", &["up to 14 inch", "up to 16 inch"]),
        ("Weight", &["680 g", "890 g", "1.1 kg"]),
    ],
    choices: &[Colour],
    pitch: &[
        "{Volume} in order: laptop {Laptop}, bottle outside, keys where you find them.",
        "{Material}, water-repellent zips, and a back that breathes.",
    ],
};

const CAPS: Shelf = Shelf {
    name: "Caps",
    kind: Kind::Cap,
    tones: ANY_TONE,
    price: (49, 199),
    nouns: &["Cap", "Baseball Cap", "Six-Panel Cap"],
    title: "{brand} {model} {noun}",
    subtitle: "{Material} · {Closing}",
    facts: &[
        ("Material", &["Washed cotton", "Corduroy", "Wool blend"]),
        ("Closing", &["brass buckle", "hook and loop"]),
        ("Size", &["55–60 cm"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Soft from the first day, with a brim that keeps its curve.",
        "{Material} with a {Closing}: fits almost everybody.",
    ],
};

const SUNGLASSES: Shelf = Shelf {
    name: "Sunglasses",
    kind: Kind::Sunglasses,
    tones: ANY_TONE,
    price: (99, 799),
    nouns: &["Sunglasses", "Square Sunglasses"],
    title: "{brand} {model} {noun}",
    subtitle: "{Lens} · {Frame}",
    facts: &[
        ("Lens", &["UV400", "UV400, polarised", "UV400, gradient"]),
        ("Frame", &["acetate frame", "steel frame", "bio-based frame"]),
        ("Width", &["138 mm", "142 mm", "146 mm"]),
    ],
    choices: &[Colour],
    pitch: &[
        "{Lens} lenses that take the glare off water and wet roads.",
        "Five-barrel hinges, a {Frame}, and a case that closes with a good sound.",
    ],
};
