//! Pictures of products, drawn as SVG: one illustration per kind of thing, in the product's colour, on a soft backdrop.
//!
//! The illustrations are data: shapes in a box of 400 by 400 that stand on the ground line y = 330, filled with the names
//! of inks in braces (`{main}`, `{deep}`, ...). A picture is made by putting the colours in, so it is small, free of
//! scripts and of foreign text, and equal bytes for equal arguments: fit to be stored under its hash.

mod tone;
mod scene;
mod devices;
mod sound;
mod appliances;
mod kitchen;
mod furniture;
mod clothing;
mod accessories;
mod sports;
mod beauty;
mod groceries;
mod play;
#[cfg(test)]
mod tests;

pub(crate) use tone::Tone;

/// Writes down the kinds once: the enum, all of them, and the drawing of each.
macro_rules! kinds {
    ($($kind:ident => $drawing:path,)*) => {
        /// What is drawn. Every shelf of the catalogue has one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        impl Kind {
            #[cfg(test)]
            const ALL: &[Kind] = &[$(Kind::$kind,)*];

            fn drawing(self) -> &'static str {
                match self {
                    $(Kind::$kind => $drawing,)*
                }
            }
        }
    };
}

kinds! {
    Phone => devices::PHONE,
    Tablet => devices::TABLET,
    PowerBank => devices::POWER_BANK,
    Laptop => devices::LAPTOP,
    Monitor => devices::MONITOR,
    Keyboard => devices::KEYBOARD,
    Mouse => devices::MOUSE,
    Camera => devices::CAMERA,
    Watch => devices::WATCH,
    Headphones => sound::HEADPHONES,
    Earbuds => sound::EARBUDS,
    Speaker => sound::SPEAKER,
    Television => sound::TELEVISION,
    Fridge => appliances::FRIDGE,
    Washer => appliances::WASHER,
    Fan => appliances::FAN,
    Purifier => appliances::PURIFIER,
    Vacuum => appliances::VACUUM,
    Kettle => appliances::KETTLE,
    RiceCooker => appliances::RICE_COOKER,
    CoffeeMachine => appliances::COFFEE_MACHINE,
    Blender => appliances::BLENDER,
    Pan => kitchen::PAN,
    Pot => kitchen::POT,
    Knife => kitchen::KNIFE,
    Mug => kitchen::MUG,
    Bowl => kitchen::BOWL,
    Flask => kitchen::FLASK,
    Chair => furniture::CHAIR,
    Sofa => furniture::SOFA,
    Desk => furniture::DESK,
    Lamp => furniture::LAMP,
    Pendant => furniture::PENDANT,
    Pillow => furniture::PILLOW,
    Towel => furniture::TOWEL,
    Shirt => clothing::SHIRT,
    Jacket => clothing::JACKET,
    Dress => clothing::DRESS,
    Trousers => clothing::TROUSERS,
    Shoe => clothing::SHOE,
    Boot => clothing::BOOT,
    Bag => accessories::BAG,
    Backpack => accessories::BACKPACK,
    Cap => accessories::CAP,
    Sunglasses => accessories::SUNGLASSES,
    Dumbbell => sports::DUMBBELL,
    Mat => sports::MAT,
    Ball => sports::BALL,
    Racket => sports::RACKET,
    Bicycle => sports::BICYCLE,
    Tent => sports::TENT,
    Dropper => beauty::DROPPER,
    Jar => beauty::JAR,
    Lipstick => beauty::LIPSTICK,
    Perfume => beauty::PERFUME,
    Pump => beauty::PUMP,
    TeaTin => groceries::TEA_TIN,
    CoffeeBag => groceries::COFFEE_BAG,
    Sack => groceries::SACK,
    OilBottle => groceries::OIL_BOTTLE,
    Preserve => groceries::PRESERVE,
    Biscuits => groceries::BISCUITS,
    Book => play::BOOK,
    Blocks => play::BLOCKS,
    Puzzle => play::PUZZLE,
    Bear => play::BEAR,
    ToyCar => play::TOY_CAR,
    BoardGame => play::BOARD_GAME,
    Plant => play::PLANT,
    Cactus => play::CACTUS,
    WateringCan => play::WATERING_CAN,
    Trowel => play::TROWEL,
}

impl Kind {
    /// How wide the thing stands on the ground.
    fn shadow_width(self) -> u32 {
        match self {
            Kind::Cap | Kind::Sunglasses | Kind::Shirt | Kind::Jacket | Kind::Puzzle => 170,
            Kind::Chair | Kind::Fan | Kind::Flask | Kind::Pump | Kind::OilBottle | Kind::Lipstick | Kind::Watch => 130,
            Kind::Vacuum | Kind::Lamp | Kind::Trowel | Kind::Racket | Kind::Ball | Kind::Cactus => 150,
            Kind::Laptop | Kind::Television | Kind::Sofa | Kind::Desk | Kind::Shoe | Kind::Bicycle | Kind::Keyboard => {
                300
            }
            _ => 200,
        }
    }
}

/// From where a thing is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum View {
    /// Whole, alone.
    Front,
    /// From near.
    Close,
    /// Two of it, the one behind in this colour.
    Pair(Tone),
}

/// Everything that decides how a picture looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Picture {
    kind: Kind,
    tone: Tone,
    scene: u8,
    view: View,
}

impl Picture {
    /// `scene` chooses the backdrop; all its values are good.
    pub(crate) fn new(kind: Kind, tone: Tone, scene: u64, view: View) -> Picture {
        Picture { kind, tone, scene: (scene % scene::COUNT) as u8, view }
    }

    /// The picture itself: one `<svg>` element, 400 by 400, under 6 KB.
    pub(crate) fn svg(self) -> String {
        let backdrop = scene::backdrop(self.scene, self.tone);
        let thing = |tone: Tone| tone.ink(self.kind.drawing());
        let content = match self.view {
            View::Front => format!("{}{}", scene::shadow(200, self.kind.shadow_width()), thing(self.tone)),
            View::Close => {
                format!("<g transform=\"translate(-170 -150) scale(1.8)\">{}</g>", thing(self.tone))
            }
            View::Pair(other) => format!(
                "<g transform=\"translate(158 58) scale(.6)\">{shadow}{behind}</g>\
                 <g transform=\"translate(-4 62) scale(.72)\">{shadow}{front}</g>",
                shadow = scene::shadow(200, self.kind.shadow_width()),
                behind = thing(other),
                front = thing(self.tone),
            ),
        };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 400 400\" width=\"400\" height=\"400\">\
             {backdrop}{content}</svg>"
        )
    }
}
