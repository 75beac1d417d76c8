//! The colours that things come in, and the inks that an illustration is filled with.

/// A colour by the name that the shop gives it, so that what a buyer chooses is what the picture shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tone {
    Graphite,
    Ivory,
    HarbourBlue,
    Sage,
    Clay,
    Rose,
    Sand,
    Plum,
    Forest,
    Sky,
    Amber,
    Crimson,
}

/// The shades that one tone gives to an illustration.
struct Inks {
    main: &'static str,
    deep: &'static str,
    light: &'static str,
    accent: &'static str,
}

impl Tone {
    pub(crate) const ALL: [Tone; 12] = [
        Tone::Graphite,
        Tone::Ivory,
        Tone::HarbourBlue,
        Tone::Sage,
        Tone::Clay,
        Tone::Rose,
        Tone::Sand,
        Tone::Plum,
        Tone::Forest,
        Tone::Sky,
        Tone::Amber,
        Tone::Crimson,
    ];

    /// As a buyer reads it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Tone::Graphite => "Graphite",
            Tone::Ivory => "Ivory",
            Tone::HarbourBlue => "Harbour blue",
            Tone::Sage => "Sage",
            Tone::Clay => "Clay",
            Tone::Rose => "Rose",
            Tone::Sand => "Sand",
            Tone::Plum => "Plum",
            Tone::Forest => "Forest",
            Tone::Sky => "Sky",
            Tone::Amber => "Amber",
            Tone::Crimson => "Crimson",
        }
    }

    /// Two soft colours from the other side of the circle, for the ground that this tone stands out from.
    pub(super) fn ground(self) -> (&'static str, &'static str) {
        match self {
            Tone::Graphite | Tone::Plum => ("#f6f1e7", "#eadfcb"),
            Tone::Ivory => ("#dfe9ec", "#bfd1d8"),
            Tone::HarbourBlue | Tone::Sky => ("#fbf0e4", "#f3dcc4"),
            Tone::Sage | Tone::Forest => ("#f7f1ea", "#ecdccf"),
            Tone::Clay | Tone::Amber => ("#e9f0f3", "#cfdfe6"),
            Tone::Rose | Tone::Crimson => ("#eef2ec", "#d6e2d6"),
            Tone::Sand => ("#e6eef0", "#c8d9df"),
        }
    }

    /// `drawing` with its inks put in.
    pub(super) fn ink(self, drawing: &str) -> String {
        let inks = self.inks();
        [
            ("{main}", inks.main),
            ("{deep}", inks.deep),
            ("{light}", inks.light),
            ("{accent}", inks.accent),
            ("{ink}", "#2a3142"),
            ("{paper}", "#fffdf8"),
            ("{steel}", "#c3cad3"),
            ("{dull}", "#8d97a5"),
            ("{glass}", "#e3eef4"),
            ("{wood}", "#c6966a"),
            ("{bark}", "#9c6f4a"),
            ("{leaf}", "#5f9a6c"),
            ("{stem}", "#3f7450"),
        ]
        .iter()
        .fold(drawing.to_owned(), |art, (name, colour)| art.replace(name, colour))
    }

    fn inks(self) -> Inks {
        let (main, deep, light, accent) = match self {
            Tone::Graphite => ("#4a5263", "#353c4b", "#6d7689", "#e0a84b"),
            Tone::Ivory => ("#f4ecdd", "#dccfb8", "#fffaf0", "#c9754f"),
            Tone::HarbourBlue => ("#2f6690", "#224d70", "#5a8db5", "#f0b85a"),
            Tone::Sage => ("#8fb09a", "#6f937c", "#b6cfbd", "#e58f65"),
            Tone::Clay => ("#c9734f", "#a6583a", "#e09a79", "#f4e3c8"),
            Tone::Rose => ("#e3a1a8", "#c77f89", "#f2c6ca", "#5d7f8c"),
            Tone::Sand => ("#d9bd92", "#bd9d6e", "#ecd9b9", "#3f6f86"),
            Tone::Plum => ("#7c5578", "#5f3f5d", "#a37f9f", "#f0bf7a"),
            Tone::Forest => ("#3f6f57", "#2d5441", "#6a967f", "#eec26b"),
            Tone::Sky => ("#8dbbd6", "#6699b8", "#bcd9e8", "#e7795b"),
            Tone::Amber => ("#e6aa48", "#c58a2c", "#f3cb85", "#3d6480"),
            Tone::Crimson => ("#bf4146", "#983036", "#da7376", "#f3d9b1"),
        };
        Inks { main, deep, light, accent }
    }
}
