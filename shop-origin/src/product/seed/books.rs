//! Department: books.

use super::shelf::Choice::Of;
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::Kind;

pub(super) const DEPARTMENT: Department = Department {
    name: "Books",
    brands: &[
        "Paper Lantern Press",
        "Quillhouse",
        "Northroad Editions",
        "Ink & Anchor",
        "Fernleaf Books",
        "Third Shelf",
        "Saltwind Press",
    ],
    models: Models::Titled(
        &[
            "The Last",
            "The Quiet",
            "A Winter",
            "The Paper",
            "Beyond the",
            "An Ordinary",
            "The Seventh",
            "Letters from the",
            "The Cartographer's",
            "A Small",
            "The Northern",
            "Under the",
            "The Borrowed",
            "Notes on the",
        ],
        &[
            "Lighthouse",
            "Harbour",
            "Garden",
            "Railway",
            "Orchard",
            "Kitchen",
            "River",
            "Observatory",
            "Winter",
            "Tide",
            "Market",
            "Archive",
            "Mountain",
            "Season",
            "Island",
            "Evening",
        ],
    ),
    promises: &[
        "Printed on certified paper, thread-sewn where it says hardback.",
        "Sent in a card sleeve that protects the corners.",
        "Read the first chapter in any of our shops.",
    ],
    groups: &[
        Group { name: "Fiction", shelves: &[NOVELS, MYSTERIES] },
        Group { name: "Non-fiction", shelves: &[COOKERY, SCIENCE, TRAVEL] },
        Group { name: "For young readers", shelves: &[PICTURE_BOOKS] },
    ],
};

/// Every book is bound one way or another.
const BINDINGS: super::shelf::Choice = Of("Binding", &[("Paperback", 0), ("Hardback", 55)]);

const NOVELS: Shelf = Shelf {
    name: "Novels",
    kind: Kind::Book,
    tones: ANY_TONE,
    price: (28, 89),
    nouns: &["A Novel"],
    title: "{model}: {noun}",
    subtitle: "{Pages} pages · {brand}",
    facts: &[
        ("Pages", &["224", "288", "336", "412", "480"]),
        ("Language", &["English"]),
        ("Format", &["130 × 198 mm", "153 × 234 mm"]),
        ("Setting", &["a ferry town", "a border village", "a city in the rain", "three summers"]),
    ],
    choices: &[BINDINGS],
    pitch: &[
        "A family, {Setting}, and a letter that arrives forty years late.",
        "Told over one year in {Setting}: tender, funny, and hard to put down.",
    ],
};

const MYSTERIES: Shelf = Shelf {
    name: "Mysteries",
    kind: Kind::Book,
    tones: ANY_TONE,
    price: (28, 79),
    nouns: &["A Harbour Mystery", "A Case in Seven Days", "A Mystery"],
    title: "{model}: {noun}",
    subtitle: "{Pages} pages · {brand}",
    facts: &[
        ("Pages", &["256", "304", "352", "388"]),
        ("Language", &["English"]),
        ("Format", &["130 × 198 mm", "111 × 178 mm"]),
        ("Clue", &["a stopped clock", "a missing ledger", "a ticket nobody bought"]),
    ],
    choices: &[BINDINGS],
    pitch: &[
        "It begins with {Clue} and ends where nobody looked.",
        "Fair to the reader: {Clue} is on page nine, and still you will not guess.",
    ],
};

const COOKERY: Shelf = Shelf {
    name: "Cookery",
    kind: Kind::Book,
    tones: ANY_TONE,
    price: (49, 189),
    nouns: &["80 Recipes", "Cooking Through the Year", "Simple Suppers"],
    title: "{model}: {noun}",
    subtitle: "{Pages} pages · {brand}",
    facts: &[
        ("Pages", &["192", "240", "288"]),
        ("Language", &["English"]),
        ("Format", &["195 × 250 mm", "210 × 270 mm"]),
        ("Level", &["Beginners", "Everybody"]),
    ],
    choices: &[BINDINGS],
    pitch: &[
        "Recipes that were cooked by strangers before they were printed.",
        "For {Level}: short lists, clear steps, a picture for each dish.",
    ],
};

const SCIENCE: Shelf = Shelf {
    name: "Science & technology",
    kind: Kind::Book,
    tones: ANY_TONE,
    price: (45, 219),
    nouns: &["How Things Work", "A Short History", "An Introduction"],
    title: "{model}: {noun}",
    subtitle: "{Pages} pages · {brand}",
    facts: &[
        ("Pages", &["256", "320", "416", "544"]),
        ("Language", &["English"]),
        ("Format", &["153 × 234 mm"]),
        ("Subject", &["the sea", "clocks", "bridges", "numbers", "light"]),
    ],
    choices: &[BINDINGS],
    pitch: &[
        "All you wanted to ask about {Subject}, answered with patience and good drawings.",
        "A book on {Subject} that respects its readers: no formulas skipped, none without need.",
    ],
};

const TRAVEL: Shelf = Shelf {
    name: "Travel",
    kind: Kind::Book,
    tones: ANY_TONE,
    price: (39, 159),
    nouns: &["A Walking Guide", "Journeys by Rail", "A Traveller's Companion"],
    title: "{model}: {noun}",
    subtitle: "{Pages} pages · {brand}",
    facts: &[
        ("Pages", &["208", "272", "320"]),
        ("Language", &["English"]),
        ("Format", &["111 × 178 mm", "130 × 198 mm"]),
        ("Maps", &["24 maps", "38 maps"]),
    ],
    choices: &[BINDINGS],
    pitch: &[
        "Light enough to carry, with {Maps} and places to sit down.",
        "For slow travellers: what to look at, and where to wait out the rain.",
    ],
};

const PICTURE_BOOKS: Shelf = Shelf {
    name: "Picture books",
    kind: Kind::Book,
    tones: ANY_TONE,
    price: (25, 99),
    nouns: &["A Bedtime Story", "A Story to Read Aloud"],
    title: "{model}: {noun}",
    subtitle: "Ages {Age} · {Pages} pages",
    facts: &[
        ("Age", &["2–4", "3–6", "5–8"]),
        ("Pages", &["24", "32", "48"]),
        ("Language", &["English"]),
        ("Corners", &["Rounded"]),
    ],
    choices: &[BINDINGS],
    pitch: &[
        "A small bear, a long night, and a very good ending. For ages {Age}.",
        "Read aloud in eight minutes; asked for again at once.",
    ],
};
