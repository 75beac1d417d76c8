//! Department: appliances.

use super::shelf::Choice::{Colour, Of};
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::{Kind, Tone};

pub(super) const DEPARTMENT: Department = Department {
    name: "Appliances",
    brands: &["Hauswell", "Brunmar", "Kelvano", "Ostlund & Rey", "Fjordine", "Domarra", "Calorva", "Steamwick"],
    models: Models::Numbered(&["Serene", "Breeze", "Prime", "Pure", "Vapor", "Nord", "Alto", "Linea"]),
    promises: &[
        "Delivered to the room of your choice; the old one is taken away on request.",
        "Three-year warranty on the motor, one year on everything else.",
        "Parts that wear can be ordered one by one and changed without tools.",
    ],
    groups: &[
        Group { name: "Large appliances", shelves: &[FRIDGES, WASHERS] },
        Group { name: "Air & floor care", shelves: &[FANS, PURIFIERS, VACUUMS] },
        Group { name: "Countertop appliances", shelves: &[KETTLES, RICE_COOKERS, COFFEE_MACHINES, BLENDERS] },
    ],
};

const FRIDGES: Shelf = Shelf {
    name: "Refrigerators",
    kind: Kind::Fridge,
    tones: &[Tone::Ivory, Tone::Graphite, Tone::Sage, Tone::Sky, Tone::Sand],
    price: (1_599, 7_499),
    nouns: &["Fridge Freezer", "No-Frost Refrigerator", "Two-Door Refrigerator"],
    title: "{brand} {model} {noun}, {Capacity}",
    subtitle: "{Capacity} · {Noise} · Energy {Energy}",
    facts: &[
        ("Capacity", &["218 L", "325 L", "415 L", "502 L"]),
        ("Noise", &["35 dB", "38 dB"]),
        ("Energy", &["grade 1", "grade 2"]),
        ("Width", &["55 cm", "60 cm", "79 cm"]),
        ("Cooling", &["Air-cooled, no frost", "Air-cooled, two circuits"]),
    ],
    choices: &[Colour],
    pitch: &[
        "{Capacity} with a drawer that keeps salad crisp for a week, at {Noise}: quieter than a quiet library.",
        "{Cooling}, so nothing ices up and fish never meets cake.",
    ],
};

const WASHERS: Shelf = Shelf {
    name: "Washing machines",
    kind: Kind::Washer,
    tones: &[Tone::Graphite, Tone::Sky, Tone::Sage, Tone::Sand],
    price: (1_299, 5_299),
    nouns: &["Front-Load Washing Machine", "Washer", "Washer Dryer"],
    title: "{brand} {model} {noun}, {Load}",
    subtitle: "{Load} · {Spin} · {Noise}",
    facts: &[
        ("Load", &["8 kg", "9 kg", "10 kg", "12 kg"]),
        ("Spin", &["1,200 rpm", "1,400 rpm"]),
        ("Noise", &["52 dB washing", "55 dB washing"]),
        ("Programmes", &["12", "16", "20"]),
        ("Energy", &["Grade 1"]),
    ],
    choices: &[],
    pitch: &[
        "Washes {Load} in 39 minutes when it must, and takes its time with wool when it may.",
        "Direct drive without a belt: {Noise}, and nothing that squeals after three years.",
    ],
};

const FANS: Shelf = Shelf {
    name: "Fans",
    kind: Kind::Fan,
    tones: ANY_TONE,
    price: (99, 699),
    nouns: &["Standing Fan", "Silent Fan", "Circulating Fan"],
    title: "{brand} {model} {noun}",
    subtitle: "{Speeds} · {Noise}",
    facts: &[
        ("Speeds", &["4 speeds", "9 speeds", "stepless"]),
        ("Noise", &["from 24 dB", "from 28 dB"]),
        ("Height", &["62 cm", "88–104 cm"]),
        ("Motor", &["Brushless", "Copper-wound"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Moves the air of a whole room and not the papers on your desk; {Noise}.",
        "A {Motor} motor, a timer, and a base that does not wander.",
    ],
};

const PURIFIERS: Shelf = Shelf {
    name: "Air purifiers",
    kind: Kind::Purifier,
    tones: &[Tone::Graphite, Tone::Sky, Tone::Sage, Tone::Sand, Tone::Rose],
    price: (499, 2_799),
    nouns: &["Air Purifier", "Quiet Air Purifier"],
    title: "{brand} {model} {noun}, {Room}",
    subtitle: "{Delivery} · rooms up to {Room}",
    facts: &[
        ("Room", &["25 m²", "40 m²", "60 m²"]),
        ("Delivery", &["240 m³/h", "400 m³/h", "600 m³/h"]),
        ("Filter", &["H13, lasts 8 months", "H13, lasts 12 months"]),
        ("Noise", &["22–52 dB", "26–58 dB"]),
    ],
    choices: &[Of("Set", &[("One filter", 0), ("Two filters", 15)])],
    pitch: &[
        "Cleans {Room} in about twenty minutes, then whispers. The ring shows the air in three plain colours.",
        "A {Filter} filter that comes out with one twist, and a sensor that needs no app.",
    ],
};

const VACUUMS: Shelf = Shelf {
    name: "Vacuum cleaners",
    kind: Kind::Vacuum,
    tones: ANY_TONE,
    price: (599, 3_499),
    nouns: &["Cordless Vacuum", "Stick Vacuum"],
    title: "{brand} {model} {noun}",
    subtitle: "{Suction} · {Runtime} · {Weight}",
    facts: &[
        ("Suction", &["20 kPa", "25 kPa", "30 kPa"]),
        ("Runtime", &["45 minutes", "60 minutes", "75 minutes"]),
        ("Weight", &["1.5 kg", "1.8 kg", "2.6 kg"]),
        ("Bin", &["0.5 L", "0.8 L"]),
    ],
    choices: &[Colour],
    pitch: &[
        "{Runtime} on one charge is a whole flat. The battery clicks out, a spare clicks in.",
        "{Weight} in the hand, {Suction} at the floor, and lights that show what you missed.",
    ],
};

const KETTLES: Shelf = Shelf {
    name: "Kettles",
    kind: Kind::Kettle,
    tones: ANY_TONE,
    price: (89, 599),
    nouns: &["Electric Kettle", "Quiet Kettle", "Cordless Kettle"],
    title: "{brand} {model} {noun}, {Capacity}",
    subtitle: "{Capacity} · {Power} · {Material}",
    facts: &[
        ("Capacity", &["0.9 L", "1.2 L", "1.7 L"]),
        ("Power", &["1,200 W", "1,500 W", "1,800 W"]),
        ("Material", &["304 stainless steel", "316 stainless steel"]),
        ("Temperature", &["Boil only", "40–100 °C in 1 °C steps"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Boils {Capacity} in under five minutes and pours without a dribble.",
        "{Material} inside and nothing else that touches water.",
    ],
};

const RICE_COOKERS: Shelf = Shelf {
    name: "Rice cookers",
    kind: Kind::RiceCooker,
    tones: &[Tone::Graphite, Tone::Sky, Tone::Sage, Tone::Sand, Tone::Rose, Tone::Crimson],
    price: (159, 1_499),
    nouns: &["Rice Cooker", "Induction Rice Cooker", "Multi-Cooker"],
    title: "{brand} {model} {noun}",
    subtitle: "{Heating} · {Pot} · {Programmes}",
    facts: &[
        ("Heating", &["Heating plate", "Induction", "Induction under pressure"]),
        ("Pot", &["2.0 mm ceramic coat", "4.0 mm iron core"]),
        ("Programmes", &["8 programmes", "14 programmes"]),
        ("Timer", &["24 hours"]),
    ],
    choices: &[Of("Capacity", &[("3 L", 0), ("4 L", 12), ("5 L", 22)])],
    pitch: &[
        "Rice that is ready when you come home: {Heating}, {Programmes}, and a timer that keeps its word.",
        "A {Pot} pot spreads the heat, so the last spoonful is as good as the first.",
    ],
};

const COFFEE_MACHINES: Shelf = Shelf {
    name: "Coffee machines",
    kind: Kind::CoffeeMachine,
    tones: ANY_TONE,
    price: (399, 4_599),
    nouns: &["Espresso Machine", "Coffee Machine"],
    title: "{brand} {model} {noun}",
    subtitle: "{Pressure} · {Tank} · {Warm-up}",
    facts: &[
        ("Pressure", &["9 bar", "15 bar", "20 bar"]),
        ("Tank", &["1.2 L", "1.8 L", "2.3 L"]),
        ("Warm-up", &["ready in 25 s", "ready in 40 s"]),
        ("Width", &["14 cm", "19 cm", "26 cm"]),
    ],
    choices: &[Colour],
    pitch: &[
        "{Pressure} at the cup, a steam wand that can really foam, and only {Width} of your kitchen.",
        "{Warm-up}: coffee before the first thought.",
    ],
};

const BLENDERS: Shelf = Shelf {
    name: "Blenders",
    kind: Kind::Blender,
    tones: ANY_TONE,
    price: (119, 1_299),
    nouns: &["Blender", "Soup Blender", "Personal Blender"],
    title: "{brand} {model} {noun}, {Jug}",
    subtitle: "{Power} · {Jug} · {Blades}",
    facts: &[
        ("Power", &["350 W", "800 W", "1,200 W"]),
        ("Jug", &["0.6 L", "1.5 L", "1.75 L"]),
        ("Blades", &["4 blades", "6 blades", "8 blades"]),
        ("Jug material", &["Borosilicate glass", "Copolyester"]),
    ],
    choices: &[Colour],
    pitch: &[
        "{Blades} and {Power} make smoothies of frozen berries without a complaint.",
        "The {Jug} jug goes into the dishwasher in one piece.",
    ],
};
