//! Department: electronics.

use super::shelf::Choice::{Colour, Of};
use super::shelf::{ANY_TONE, Department, Group, Models, Shelf};
use crate::product::picture::{Kind, Tone};

pub(super) const DEPARTMENT: Department = Department {
    name: "Electronics",
    brands: &[
        "Ostrevo", "Lumarik", "Quentara", "Norhale", "Pixaro", "Tessavo", "Veloquo", "Aurevik", "Miravolt", "Zephiro",
    ],
    models: Models::Numbered(&["Orbit", "Aria", "Pulse", "Halo", "Vista", "Drift", "Ember", "Lyra", "Mono", "Tempo"]),
    promises: &[
        "Two-year warranty with repair in our own workshops.",
        "Charger and cable are in the box; so is a two-year warranty.",
        "Send it back within 30 days if it is not what you hoped for.",
        "Spare parts are kept for at least five years.",
    ],
    groups: &[
        Group { name: "Phones & tablets", shelves: &[SMARTPHONES, TABLETS, POWER_BANKS] },
        Group { name: "Computers", shelves: &[LAPTOPS, MONITORS, KEYBOARDS, MICE] },
        Group { name: "Audio & television", shelves: &[HEADPHONES, EARBUDS, SPEAKERS, TELEVISIONS] },
        Group { name: "Cameras & wearables", shelves: &[CAMERAS, WATCHES] },
    ],
};

const SMARTPHONES: Shelf = Shelf {
    name: "Smartphones",
    kind: Kind::Phone,
    tones: ANY_TONE,
    price: (1_199, 6_499),
    nouns: &["5G Smartphone", "Smartphone", "5G Phone"],
    title: "{brand} {model} {noun}, {Screen}",
    subtitle: "{Panel} · {Battery} · {Main camera} camera",
    facts: &[
        ("Screen", &["6.1 inch", "6.4 inch", "6.7 inch", "6.8 inch"]),
        ("Panel", &["OLED 120 Hz", "AMOLED 120 Hz", "LTPO OLED 144 Hz", "LCD 90 Hz"]),
        ("Battery", &["4,500 mAh", "5,000 mAh", "5,400 mAh"]),
        ("Main camera", &["50 MP", "64 MP", "108 MP"]),
        ("Charging", &["33 W wired", "67 W wired", "80 W wired, 30 W wireless"]),
        ("Protection", &["IP54", "IP67", "IP68"]),
    ],
    choices: &[Colour, Of("Storage", &[("128 GB", 0), ("256 GB", 14)])],
    pitch: &[
        "A bright {Panel} screen that stays readable in full sun, and a {Battery} battery that lasts from breakfast to midnight.",
        "The {Main camera} main camera with optical stabilisation keeps evening pictures sharp. {Charging} charging fills it over a coffee.",
        "Slim, light and sealed to {Protection}: made to be carried every day, rain included.",
    ],
};

const TABLETS: Shelf = Shelf {
    name: "Tablets",
    kind: Kind::Tablet,
    tones: ANY_TONE,
    price: (999, 4_299),
    nouns: &["Tablet", "Drawing Tablet", "Family Tablet"],
    title: "{brand} {model} {noun}, {Screen}",
    subtitle: "{Screen} {Panel} · {Battery}",
    facts: &[
        ("Screen", &["8.8 inch", "10.4 inch", "11 inch", "12.4 inch"]),
        ("Panel", &["IPS", "OLED", "matt IPS"]),
        ("Battery", &["7,000 mAh", "8,600 mAh", "10,000 mAh"]),
        ("Weight", &["365 g", "470 g", "540 g"]),
        ("Pen", &["Pressure pen included", "Pen sold separately"]),
    ],
    choices: &[Colour, Of("Storage", &[("128 GB", 0), ("256 GB", 16)])],
    pitch: &[
        "A {Screen} {Panel} screen for films, notes and recipes, in a body of only {Weight}.",
        "Four speakers, a {Battery} battery and a stand that folds flat: the screen the whole household ends up sharing.",
    ],
};

const POWER_BANKS: Shelf = Shelf {
    name: "Power banks",
    kind: Kind::PowerBank,
    tones: ANY_TONE,
    price: (79, 399),
    nouns: &["Power Bank", "Slim Power Bank", "Travel Power Bank"],
    title: "{brand} {model} {noun}",
    subtitle: "{Output} · {Ports}",
    facts: &[
        ("Output", &["22.5 W", "45 W", "65 W", "100 W"]),
        ("Ports", &["1 × USB-C, 1 × USB-A", "2 × USB-C", "2 × USB-C, 1 × USB-A"]),
        ("Case", &["Aluminium", "Recycled polycarbonate"]),
        ("In flight", &["Allowed as cabin luggage"]),
    ],
    choices: &[Colour, Of("Capacity", &[("10,000 mAh", 0), ("20,000 mAh", 45)])],
    pitch: &[
        "Charges a phone at {Output} and shows what is left in figures, not in guesses.",
        "{Case} case, {Ports}, and a cable that doubles as its carrying loop.",
    ],
};

const LAPTOPS: Shelf = Shelf {
    name: "Laptops",
    kind: Kind::Laptop,
    tones: &[Tone::HarbourBlue, Tone::Plum, Tone::Sky, Tone::Clay, Tone::Forest, Tone::Sage],
    price: (3_499, 11_999),
    nouns: &["Laptop", "Everyday Laptop", "Creator Laptop", "Office Laptop"],
    title: "{brand} {model} {noun}, {Screen}",
    subtitle: "{Processor} · {Display} · {Weight}",
    facts: &[
        ("Screen", &["13.3 inch", "14 inch", "15.6 inch", "16 inch"]),
        ("Display", &["2.5K 90 Hz", "2.8K OLED", "Full HD matt", "3.2K 120 Hz"]),
        ("Processor", &["8 cores, 4.6 GHz", "10 cores, 4.8 GHz", "14 cores, 5.0 GHz"]),
        ("Weight", &["1.09 kg", "1.28 kg", "1.45 kg", "1.86 kg"]),
        ("Battery life", &["11 hours of video", "14 hours of video", "18 hours of video"]),
        ("Ports", &["2 × USB-C, 1 × USB-A, HDMI", "3 × USB-C, HDMI, card reader"]),
    ],
    choices: &[Of("Memory and storage", &[("16 GB, 512 GB", 0), ("16 GB, 1 TB", 9), ("32 GB, 1 TB", 22)])],
    pitch: &[
        "{Weight} light, {Battery life}: a machine for people who work where the day takes them.",
        "A {Display} display in true colours and {Processor}, quiet enough for a library.",
    ],
};

const MONITORS: Shelf = Shelf {
    name: "Monitors",
    kind: Kind::Monitor,
    tones: ANY_TONE,
    price: (699, 3_999),
    nouns: &["Monitor", "Studio Monitor", "Office Monitor"],
    title: "{brand} {model} {noun}, {Resolution}",
    subtitle: "{Resolution} · {Rate} · {Connection}",
    facts: &[
        ("Resolution", &["Full HD", "QHD", "4K UHD"]),
        ("Rate", &["75 Hz", "100 Hz", "165 Hz"]),
        ("Connection", &["USB-C 65 W, HDMI", "USB-C 90 W, DisplayPort", "HDMI, DisplayPort"]),
        ("Colour", &["99% sRGB", "98% DCI-P3"]),
        ("Stand", &["Height, tilt and pivot", "Tilt"]),
    ],
    choices: &[Of("Size", &[("24 inch", 0), ("27 inch", 28)])],
    pitch: &[
        "One cable for picture, sound and power. The {Resolution} panel covers {Colour} and is calibrated before it leaves.",
        "Easy on the eyes for long days: flicker-free, matt, {Rate}.",
    ],
};

const KEYBOARDS: Shelf = Shelf {
    name: "Keyboards",
    kind: Kind::Keyboard,
    tones: ANY_TONE,
    price: (129, 799),
    nouns: &["Mechanical Keyboard", "Wireless Keyboard", "Hot-Swap Keyboard"],
    title: "{brand} {model} {noun}",
    subtitle: "{Layout} · {Connection}",
    facts: &[
        ("Layout", &["75%, 84 keys", "Tenkeyless, 87 keys", "Full size, 104 keys"]),
        ("Connection", &["Bluetooth and USB-C", "2.4 GHz, Bluetooth and USB-C"]),
        ("Keycaps", &["PBT, double-shot", "PBT, dye-sublimated"]),
        ("Battery", &["Up to 120 hours", "Up to 200 hours"]),
    ],
    choices: &[Colour, Of("Switches", &[("Linear", 0), ("Tactile", 0)])],
    pitch: &[
        "{Keycaps} keycaps that never shine, and switches that can be changed without a soldering iron.",
        "Pairs with three devices and changes between them at a keystroke. {Battery} on one charge.",
    ],
};

const MICE: Shelf = Shelf {
    name: "Mice",
    kind: Kind::Mouse,
    tones: ANY_TONE,
    price: (59, 499),
    nouns: &["Wireless Mouse", "Silent Mouse", "Ergonomic Mouse"],
    title: "{brand} {model} {noun}",
    subtitle: "{Sensor} · {Battery}",
    facts: &[
        ("Sensor", &["1,600 dpi", "4,000 dpi", "12,000 dpi"]),
        ("Battery", &["3 months on a charge", "18 months on one AA"]),
        ("Weight", &["62 g", "78 g", "99 g"]),
        ("Connection", &["Bluetooth", "Bluetooth and 2.4 GHz"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Clicks that only you hear, and a {Sensor} sensor that works on a bare desk.",
        "Shaped by hand, {Weight} light, {Battery}.",
    ],
};

const HEADPHONES: Shelf = Shelf {
    name: "Headphones",
    kind: Kind::Headphones,
    tones: ANY_TONE,
    price: (249, 2_299),
    nouns: &["Noise-Cancelling Headphones", "Wireless Headphones", "Studio Headphones"],
    title: "{brand} {model} {noun}",
    subtitle: "{Drivers} drivers · {Battery} · {Weight}",
    facts: &[
        ("Drivers", &["30 mm", "40 mm", "50 mm"]),
        ("Battery", &["30 hours", "40 hours", "60 hours"]),
        ("Weight", &["218 g", "254 g", "289 g"]),
        ("Codecs", &["SBC, AAC", "SBC, AAC, lossless"]),
        ("Ear pads", &["Replaceable, protein leather", "Replaceable, velour"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Turns a train into a reading room, for {Battery} at a time.",
        "Warm, unhurried sound from {Drivers} drivers; ear pads that can be changed by hand.",
    ],
};

const EARBUDS: Shelf = Shelf {
    name: "Earbuds",
    kind: Kind::Earbuds,
    tones: ANY_TONE,
    price: (149, 1_299),
    nouns: &["True Wireless Earbuds", "Noise-Cancelling Earbuds", "Sport Earbuds"],
    title: "{brand} {model} {noun}",
    subtitle: "{Battery} with case · {Protection}",
    facts: &[
        ("Battery", &["24 hours", "30 hours", "36 hours"]),
        ("Protection", &["IPX4", "IP55", "IPX7"]),
        ("Charging", &["USB-C", "USB-C and wireless"]),
        ("Tips", &["Silicone, 3 sizes", "Silicone, 4 sizes"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Small enough to forget, clear enough for a call beside a road. {Protection}, so sweat and rain are welcome.",
        "{Battery} of music with the case; ten minutes of charging give two hours.",
    ],
};

const SPEAKERS: Shelf = Shelf {
    name: "Speakers",
    kind: Kind::Speaker,
    tones: ANY_TONE,
    price: (169, 1_999),
    nouns: &["Bluetooth Speaker", "Portable Speaker", "Bookshelf Speaker"],
    title: "{brand} {model} {noun}",
    subtitle: "{Power} · {Battery}",
    facts: &[
        ("Power", &["10 W", "20 W", "40 W", "60 W"]),
        ("Battery", &["12 hours", "20 hours", "24 hours"]),
        ("Protection", &["IPX5", "IP67"]),
        ("Pairing", &["Two make a stereo pair", "Up to four together"]),
    ],
    choices: &[Colour],
    pitch: &[
        "Fills a kitchen at {Power}, and a picnic for {Battery}.",
        "Knitted cover, solid bass, one knob. {Pairing}.",
    ],
};

const TELEVISIONS: Shelf = Shelf {
    name: "Televisions",
    kind: Kind::Television,
    tones: ANY_TONE,
    price: (1_799, 9_999),
    nouns: &["4K TV", "4K Smart TV", "Mini-LED TV"],
    title: "{brand} {model} {noun}, {Rate}",
    subtitle: "{Rate} · {Brightness} · {Sound}",
    facts: &[
        ("Rate", &["60 Hz", "120 Hz", "144 Hz"]),
        ("Brightness", &["500 nits", "800 nits", "1,300 nits"]),
        ("Sound", &["20 W stereo", "30 W, 2.1 channels", "50 W, 2.1.2 channels"]),
        ("Ports", &["3 × HDMI 2.1", "4 × HDMI 2.1"]),
        ("Energy", &["Grade 1", "Grade 2"]),
    ],
    choices: &[Of("Size", &[("55 inch", 0), ("65 inch", 35), ("75 inch", 80)])],
    pitch: &[
        "Deep blacks and {Brightness}: football at noon with the curtains open.",
        "{Rate} for games, {Sound} for films, and a remote with eight buttons that everyone understands.",
    ],
};

const CAMERAS: Shelf = Shelf {
    name: "Cameras",
    kind: Kind::Camera,
    tones: &[Tone::Graphite, Tone::Clay, Tone::Ivory, Tone::Forest, Tone::Sand],
    price: (2_999, 12_999),
    nouns: &["Mirrorless Camera", "Compact Camera", "Travel Camera"],
    title: "{brand} {model} {noun}",
    subtitle: "{Sensor} · {Video}",
    facts: &[
        ("Sensor", &["20 MP, 1 inch", "26 MP, APS-C", "33 MP, full frame"]),
        ("Video", &["4K 30 fps", "4K 60 fps", "6K 30 fps"]),
        ("Viewfinder", &["2.36 million dots", "3.69 million dots"]),
        ("Weight", &["298 g", "412 g", "598 g"]),
    ],
    choices: &[Of("Set", &[("Body", 0), ("With 35 mm lens", 32)])],
    pitch: &[
        "Dials where your fingers expect them, and a {Sensor} sensor that is kind to evening light.",
        "{Weight} with battery: the camera that actually comes along.",
    ],
};

const WATCHES: Shelf = Shelf {
    name: "Smart watches",
    kind: Kind::Watch,
    tones: ANY_TONE,
    price: (299, 2_199),
    nouns: &["Smart Watch", "Sports Watch", "Fitness Watch"],
    title: "{brand} {model} {noun}",
    subtitle: "{Battery} · {Protection} · {Satellite}",
    facts: &[
        ("Battery", &["7 days", "10 days", "14 days"]),
        ("Protection", &["5 ATM", "10 ATM"]),
        ("Satellite", &["GPS", "dual-band GPS"]),
        ("Glass", &["Mineral", "Sapphire"]),
        ("Sensors", &["Heart rate, blood oxygen", "Heart rate, blood oxygen, skin temperature"]),
    ],
    choices: &[Colour, Of("Case", &[("42 mm", 0), ("46 mm", 8)])],
    pitch: &[
        "Runs, swims and sleeps with you for {Battery} before it asks for a charger.",
        "{Glass} glass, {Satellite}, and a screen that is still readable on a bright trail.",
    ],
};
