//! The Traffic Light Protocol of FIRST, version 2.0, as what a notice may say.
//!
//! An audience is who reads what arrives at a place, by the tenant's own word. The tenant is the
//! incident's source, so that its marking is about whom else it may reach:
//!
//! | marking | a named person | the organization | and its clients | the community |
//! |---|---|---|---|---|
//! | RED | all | that something happened | nothing | nothing |
//! | AMBER+STRICT | all | all | nothing | nothing |
//! | AMBER | all | all | all | nothing |
//! | GREEN, CLEAR | all | all | all | all |
//!
//! RED is for the eyes and ears of individual recipients: a person whom the tenant has named is one,
//! a program or a list is not. That there is an incident with a number is no secret within the
//! organization that has it; outside even that is. Whoever gets only some kinds of entries would
//! learn from the mere arrival which kind it was, so that a filtered subscription gets nothing where
//! an unfiltered one gets a hint.

use super::super::super::model::Tlp;

/// Who reads it, from the narrowest on.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum Audience {
    /// One person.
    Named,
    /// The tenant's organization.
    Organization,
    /// And its clients.
    Clients,
    /// The community.
    Community,
}

impl Audience {
    pub(in super::super) const ALL: [Self; 4] = [
        Self::Named,
        Self::Organization,
        Self::Clients,
        Self::Community,
    ];

    pub(in super::super) const fn as_str(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::Organization => "organization",
            Self::Clients => "clients",
            Self::Community => "community",
        }
    }

    pub(in super::super) fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }
}

/// How much may be said, from the least on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Say {
    /// Nothing is sent.
    Nothing,
    /// That something happened to an incident with a number.
    Hint,
    /// All.
    All,
}

/// What may be said of an incident with this marking; `filtered`: not all kinds of entries of all
/// severities go there.
pub(in super::super) fn say(marking: Tlp, audience: Audience, filtered: bool) -> Say {
    let farthest = match marking {
        Tlp::Red => Audience::Named,
        Tlp::AmberStrict => Audience::Organization,
        Tlp::Amber => Audience::Clients,
        Tlp::Green | Tlp::Clear => Audience::Community,
    };
    if audience <= farthest {
        Say::All
    } else if audience <= Audience::Organization && !filtered {
        Say::Hint
    } else {
        Say::Nothing
    }
}

/// The marking's label, as the standard spells it.
pub(in super::super) const fn label(marking: Tlp) -> &'static str {
    match marking {
        Tlp::Red => "TLP:RED",
        Tlp::AmberStrict => "TLP:AMBER+STRICT",
        Tlp::Amber => "TLP:AMBER",
        Tlp::Green => "TLP:GREEN",
        Tlp::Clear => "TLP:CLEAR",
    }
}
