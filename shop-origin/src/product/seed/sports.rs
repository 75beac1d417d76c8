//! Department: sports and outdoors.

use super::shelf::Choice::{Colour, Of};
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::Kind;

pub(super) const DEPARTMENT: Department = Department {
    name: "Sports & outdoors",
    brands: &["Ridgeroam", "Kvastel", "Northlap", "Summit & Tarn", "Velodrift", "Pacewell", "Torrano", "Openair Co-op"],
    models: Models::Named(&[
        "Ascent", "Baseline", "Cadence", "Delta", "Endure", "Flow", "Granite", "Horizon", "Interval", "Ridge",
        "Sprint", "Trail",
    ]),
    promises: &[
        "Tried for a season by our own club before it came into the shop.",
        "Two-year warranty, also for use in clubs and schools.",
        "Repair kit included or free on request.",
    ],
    groups: &[
        Group { name: "Fitness", shelves: &[DUMBBELLS, MATS] },
        Group { name: "Ball & racket", shelves: &[BALLS, RACKETS] },
        Group { name: "Outdoor", shelves: &[BICYCLES, TENTS] },
    ],
};

const DUMBBELLS: Shelf = Shelf {
    name: "Dumbbells",
    kind: Kind::Dumbbell,
    tones: ANY_TONE,
    price: (69, 499),
    nouns: &["Dumbbells, Pair", "Hex Dumbbells, Pair", "Soft Dumbbells, Pair"],
    title: "{brand} {model} {noun}",
    subtitle: "{Coat} · {Grip}",
    facts: &[
        ("Coat", &["Neoprene", "Rubber", "Vinyl"]),
        ("Grip", &["knurled steel grip", "contoured grip"]),
        ("Core", &["Cast iron"]),
    ],
    choices: &[Of("Weight", &[("2 × 2 kg", 0), ("2 × 4 kg", 55), ("2 × 6 kg", 110)])],
    pitch: &[
        "{Coat} over cast iron: kind to floors, quiet for neighbours.",
        "Six flat sides, so they stay where you put them.",
    ],
};

const MATS: Shelf = Shelf {
    name: "Yoga mats",
    kind: Kind::Mat,
    tones: ANY_TONE,
    price: (59, 499),
    nouns: &["Yoga Mat", "Exercise Mat", "Studio Mat"],
    title: "{brand} {model} {noun}, {Thickness}",
    subtitle: "{Material} · {Thickness} · {Size}",
    facts: &[
        ("Material", &["Natural rubber", "TPE", "Cork on rubber"]),
        ("Thickness", &["4 mm", "6 mm", "8 mm"]),
        ("Size", &["183 × 61 cm", "183 × 68 cm"]),
        ("Strap", &["Included"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Grips when hands get warm, and lies flat from the first unrolling.",
        "{Material}, {Thickness}: enough under the knees, not too much under the feet.",
    ],
};

const BALLS: Shelf = Shelf {
    name: "Balls",
    kind: Kind::Ball,
    tones: ANY_TONE,
    price: (49, 399),
    nouns: &["Football", "Match Ball", "Training Ball"],
    title: "{brand} {model} {noun}",
    subtitle: "{Cover} · {Build}",
    facts: &[
        ("Cover", &["Textured PU", "Microfibre"]),
        ("Build", &["thermally bonded", "machine-stitched", "hand-stitched"]),
        ("Bladder", &["Butyl", "Latex"]),
        ("Pump", &["Needle included"]),
    ],
    choices: &[Colour, Of("Size", &[("Size 4", 0), ("Size 5", 5)])],
    pitch: &[
        "Flies straight and keeps its air: {Build}, {Bladder} bladder.",
        "For grass and turf, in rain as well; the {Cover} cover takes up no water.",
    ],
};

const RACKETS: Shelf = Shelf {
    name: "Rackets",
    kind: Kind::Racket,
    tones: ANY_TONE,
    price: (129, 1_299),
    nouns: &["Tennis Racket", "Club Racket", "All-Court Racket"],
    title: "{brand} {model} {noun}",
    subtitle: "{Frame} · {Weight} · strung",
    facts: &[
        ("Frame", &["Full carbon", "Graphite", "Carbon and aluminium"]),
        ("Weight", &["265 g", "285 g", "300 g"]),
        ("Balance", &["Head-light", "Even", "Head-heavy"]),
        ("Cover", &["Included"]),
    ],
    choices: &[Colour],
    pitch: &[
        "{Frame}, {Balance}: forgiving when you are late, quick when you are not.",
        "Strung and gripped by hand; play it on the day it arrives.",
    ],
};

const BICYCLES: Shelf = Shelf {
    name: "Bicycles",
    kind: Kind::Bicycle,
    tones: ANY_TONE,
    price: (1_299, 8_999),
    nouns: &["City Bicycle", "Gravel Bicycle", "Trekking Bicycle"],
    title: "{brand} {model} {noun}, {Gears}",
    subtitle: "{Frame} · {Gears} · {Brakes}",
    facts: &[
        ("Frame", &["Aluminium", "Chromoly steel", "Carbon fork, aluminium frame"]),
        ("Gears", &["8 gears", "11 gears", "2 × 10 gears"]),
        ("Brakes", &["hydraulic discs", "mechanical discs"]),
        ("Weight", &["9.8 kg", "11.9 kg", "14.2 kg"]),
    ],
    choices: &[Colour, Of("Frame size", &[("M", 0), ("L", 0)])],
    pitch: &[
        "Ready for potholes, rain and the long way home: {Gears}, {Brakes}.",
        "{Frame}, {Weight}, with eyelets for mudguards and a rack.",
    ],
};

const TENTS: Shelf = Shelf {
    name: "Tents",
    kind: Kind::Tent,
    tones: ANY_TONE,
    price: (299, 2_999),
    nouns: &["Tent", "Trekking Tent", "Dome Tent"],
    title: "{brand} {model} {noun}",
    subtitle: "{Weight} · {Column} · {Poles} poles",
    facts: &[
        ("Column", &["3,000 mm water column", "5,000 mm water column"]),
        ("Weight", &["1.6 kg", "2.4 kg", "4.8 kg"]),
        ("Poles", &["aluminium", "fibreglass"]),
        ("Pitching", &["4 minutes, one person", "8 minutes, two people"]),
    ],
    choices: &[Colour, Of("Sleeps", &[("Two", 0), ("Four", 48)])],
    pitch: &[
        "Stands in {Pitching}, and still stands after a night of wind.",
        "{Column}, taped seams, two porches, and a pocket for every headlamp.",
    ],
};
