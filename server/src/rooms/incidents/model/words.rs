//! The closed sets of words: in the tables, in messages, and nowhere else spelled out.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(in super::super) enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            pub(in super::super) const ALL: &'static [Self] = &[$(Self::$word,)*];

            /// As it stands in the tables.
            pub(in super::super) const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }

            pub(in super::super) fn from_stored(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }
    };
}

words! {
    /// How bad it is.
    Severity {
        /// Critical.
        Sev1 = "sev1",
        Sev2 = "sev2",
        Sev3 = "sev3",
        /// Low.
        Sev4 = "sev4",
    }
}

words! {
    /// Phases of incident handling, after NIST SP 800-61, in their order.
    Phase {
        Preparation = "preparation",
        Identification = "identification",
        Containment = "containment",
        Investigation = "investigation",
        Eradication = "eradication",
        Recovery = "recovery",
        FollowUp = "follow_up",
    }
}

words! {
    /// Whether anything is still to be done.
    State {
        Open = "open",
        Closed = "closed",
    }
}

words! {
    /// The Traffic Light Protocol, version 2.0, from the strictest on.
    Tlp {
        Red = "red",
        AmberStrict = "amber_strict",
        Amber = "amber",
        Green = "green",
        Clear = "clear",
    }
}

words! {
    /// The two sides.
    Party {
        Customer = "customer",
        Provider = "provider",
    }
}

words! {
    /// Why an incident was closed.
    CloseCode {
        Resolved = "resolved",
        FalsePositive = "false_positive",
        Duplicate = "duplicate",
        Accepted = "accepted",
    }
}

/// Why nothing comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CalledOff {
    /// Who asked does not want it any more.
    TakenBack,
    /// The provider does not do it.
    Declined,
    /// It could not be done.
    Failed,
}
