//! Closed sets of words that messages and models both have.

/// The way from a set of words to the wire and back, by name: a word that one side lacks does not
/// compile.
macro_rules! pairs {
    ($name:ident as $wire:path: $($word:ident)+; $to:ident, $from:ident) => {
        pub(in crate::rooms) fn $to(word: $name) -> i32 {
            use $wire as Wire;
            let wire = match word { $($name::$word => Wire::$word,)+ };
            wire.into()
        }

        /// `None` for what is unset or unknown.
        #[allow(dead_code, reason = "some words go out only")]
        pub(in crate::rooms) fn $from(number: i32) -> Option<$name> {
            use $wire as Wire;
            match Wire::try_from(number).ok()? {
                $(Wire::$word => Some($name::$word),)+
                Wire::Unspecified => None,
            }
        }
    };
}
pub(crate) use pairs;
