//! Department: toys and games.

use super::shelf::Choice::{Colour, Of};
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::{Kind, Tone};

pub(super) const DEPARTMENT: Department = Department {
    name: "Toys & games",
    brands: &["Pipkin & Sons", "Tumblewood", "Brightbrick", "Merrimoss", "Kitewell", "Playbarn", "Owlet Works"],
    models: Models::Named(&[
        "Little", "Grand", "Forest", "Ocean", "Space", "Farm", "City", "Circus", "Rainbow", "Explorer", "Castle",
        "Garden",
    ]),
    promises: &[
        "Tested to the toy standards; colours do not come off.",
        "Lost a piece? We send it free of charge.",
        "Comes in a box that is worth keeping.",
    ],
    groups: &[
        Group { name: "Building & puzzles", shelves: &[BLOCKS, PUZZLES] },
        Group { name: "Soft toys & vehicles", shelves: &[BEARS, CARS] },
        Group { name: "Board games", shelves: &[BOARD_GAMES] },
    ],
};

const BLOCKS: Shelf = Shelf {
    name: "Building blocks",
    kind: Kind::Blocks,
    tones: ANY_TONE,
    price: (59, 499),
    nouns: &["Building Blocks", "Stacking Blocks", "Construction Set"],
    title: "{brand} {model} {noun}",
    subtitle: "{Material} · ages {Age}",
    facts: &[
        ("Material", &["Beech", "Maple", "Plant-based plastic"]),
        ("Age", &["1½ and up", "3 and up", "5 and up"]),
        ("Ideas", &["Booklet with 20 models", "Booklet with 40 models"]),
    ],
    choices: &[Of("Pieces", &[("60 pieces", 0), ("120 pieces", 70)])],
    pitch: &[
        "{Material} with round edges: towers, bridges, and whatever comes next.",
        "{Ideas}, and room in the box for your own.",
    ],
};

const PUZZLES: Shelf = Shelf {
    name: "Puzzles",
    kind: Kind::Puzzle,
    tones: ANY_TONE,
    price: (39, 199),
    nouns: &["Jigsaw Puzzle", "Panorama Puzzle"],
    title: "{brand} {model} {noun}",
    subtitle: "{Finish} · {Size}",
    facts: &[
        ("Finish", &["Matt, no glare", "Linen print"]),
        ("Size", &["48 × 34 cm", "68 × 48 cm"]),
        ("Board", &["Recycled, 2 mm"]),
    ],
    choices: &[Of("Pieces", &[("500 pieces", 0), ("1,000 pieces", 35)])],
    pitch: &[
        "Pieces that click and hold; a picture that rewards a slow look.",
        "{Finish}, so that a lamp beside it does not matter.",
    ],
};

const BEARS: Shelf = Shelf {
    name: "Soft toys",
    kind: Kind::Bear,
    tones: &[Tone::Sand, Tone::Ivory, Tone::Clay, Tone::Graphite, Tone::Rose, Tone::Amber],
    price: (49, 299),
    nouns: &["Teddy Bear", "Cuddly Bear", "Sleepy Bear"],
    title: "{brand} {model} {noun}",
    subtitle: "{Fabric} · washable",
    facts: &[
        ("Fabric", &["Organic cotton", "Recycled plush", "Wool felt"]),
        ("Filling", &["Recycled fibre", "Sheep's wool"]),
        ("Age", &["From birth", "1 and up"]),
    ],
    choices: &[Colour, Of("Height", &[("28 cm", 0), ("40 cm", 50)])],
    pitch: &[
        "{Fabric} outside, {Filling} inside, and a face that listens.",
        "Goes into the machine at 30 degrees and comes out a friend.",
    ],
};

const CARS: Shelf = Shelf {
    name: "Toy vehicles",
    kind: Kind::ToyCar,
    tones: ANY_TONE,
    price: (29, 299),
    nouns: &["Toy Car", "Little Racer", "Family Car"],
    title: "{brand} {model} {noun}",
    subtitle: "{Material} · {Drive}",
    facts: &[
        ("Material", &["Beech", "Die-cast metal", "Plant-based plastic"]),
        ("Drive", &["push along", "pull back and go"]),
        ("Age", &["1½ and up", "3 and up"]),
    ],
    choices: &[Colour],
    pitch: &["{Material}, {Drive}: survives stairs.", "Wheels that run straight on carpet and kitchen tiles alike."],
};

const BOARD_GAMES: Shelf = Shelf {
    name: "Family games",
    kind: Kind::BoardGame,
    tones: ANY_TONE,
    price: (69, 399),
    nouns: &["Board Game", "Family Game", "Strategy Game"],
    title: "{brand} {model} {noun}",
    subtitle: "{Players} players · {Time} · ages {Age}",
    facts: &[
        ("Players", &["2–4", "2–6", "3–5"]),
        ("Time", &["20 minutes", "45 minutes", "75 minutes"]),
        ("Age", &["6 and up", "8 and up", "10 and up"]),
        ("Rules", &["4 pages", "8 pages, with examples"]),
    ],
    choices: &[],
    pitch: &[
        "Explained in five minutes, different each time. {Players} players, {Time}.",
        "Nobody is out before the end, and the youngest has a fair chance.",
    ],
};
