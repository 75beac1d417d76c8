//! Typed positions in the model's lists: a route's pool can never be taken for its zone.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u16);

        impl $name {
            /// The position as a list index.
            pub fn index(self) -> usize {
                usize::from(self.0)
            }
        }
    };
}

id!(
    /// Position in [`super::Live::listeners`].
    ListenerId
);
id!(
    /// Position in [`super::Live::classes`]; 0 is the most important.
    ClassId
);
id!(
    /// Position in [`super::Live::pools`].
    PoolId
);
id!(
    /// Position in [`super::Live::zones`].
    ZoneId
);
id!(
    /// Position in [`super::Live::routes`].
    RouteId
);
