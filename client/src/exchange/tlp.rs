//! Who may be given what: the Traffic Light Protocol of FIRST, version 2.0.

use std::fmt;

use crate::error::{Error, Reason, Result};
use crate::incidents::{Incident, Tlp};

/// To whom something goes, from the fewest to the most. Those before are part of those after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Named persons of those who take part, each of whom answers for it.
    Recipients,
    /// The organization alone.
    Organization,
    /// The organization and its clients.
    Clients,
    /// The community, without public channels.
    Community,
    /// Anyone.
    Public,
}

impl Audience {
    /// All of them, from the fewest to the most.
    pub const ALL: [Self; 5] = [
        Self::Recipients,
        Self::Organization,
        Self::Clients,
        Self::Community,
        Self::Public,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recipients => "recipients",
            Self::Organization => "organization",
            Self::Clients => "clients",
            Self::Community => "community",
            Self::Public => "public",
        }
    }

    /// The most that a marking allows. One that is not known is the strictest.
    #[must_use]
    pub const fn widest(marking: Tlp) -> Self {
        match marking {
            Tlp::Red | Tlp::Unspecified => Self::Recipients,
            Tlp::AmberStrict => Self::Organization,
            Tlp::Amber => Self::Clients,
            Tlp::Green => Self::Community,
            Tlp::Clear => Self::Public,
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether what is so marked may go to this audience.
#[must_use]
pub fn allows(marking: Tlp, audience: Audience) -> bool {
    audience <= Audience::widest(marking)
}

/// The marking as people write it.
pub(super) fn label(marking: Tlp) -> &'static str {
    match marking {
        Tlp::Red => "TLP:RED",
        Tlp::AmberStrict => "TLP:AMBER+STRICT",
        Tlp::Amber => "TLP:AMBER",
        Tlp::Green => "TLP:GREEN",
        Tlp::Clear => "TLP:CLEAR",
        Tlp::Unspecified => "with a marking that this program does not know",
    }
}

/// Refuses to give an incident to more than its marking allows.
///
/// # Errors
///
/// `TLP_VIOLATION`, with the incident, its marking and the widest audience as metadata.
pub fn check(incident: &Incident, audience: Audience) -> Result<()> {
    check_marking((&incident.name, incident.number), incident.tlp(), audience)
}

/// The same for what is known of an incident: its name, its number, and its marking.
pub(crate) fn check_marking(
    (name, number): (&str, impl fmt::Display),
    marking: Tlp,
    audience: Audience,
) -> Result<()> {
    if allows(marking, audience) {
        return Ok(());
    }
    let widest = Audience::widest(marking);
    let message = format!(
        "incident #{number} is marked {}, which allows the audience `{widest}` at most, and not \
         `{audience}`: choose a narrower audience, or have it marked anew by who may decide that, \
         and say why in a comment",
        label(marking)
    );
    let error = Error::new(Reason::TlpViolation, message);
    Err(error
        .with_metadata("incident", name)
        .with_metadata("marking", label(marking))
        .with_metadata("widest_audience", widest.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From the strictest on; what is not known counts as RED.
    const MARKINGS: [Tlp; 6] = [
        Tlp::Unspecified,
        Tlp::Red,
        Tlp::AmberStrict,
        Tlp::Amber,
        Tlp::Green,
        Tlp::Clear,
    ];

    #[test]
    fn the_table_is_that_of_first() {
        use Audience::{Clients, Community, Organization, Public, Recipients};
        for (marking, allowed) in [
            (Tlp::Red, &[Recipients][..]),
            (Tlp::AmberStrict, &[Recipients, Organization]),
            (Tlp::Amber, &[Recipients, Organization, Clients]),
            (Tlp::Green, &[Recipients, Organization, Clients, Community]),
            (
                Tlp::Clear,
                &[Recipients, Organization, Clients, Community, Public],
            ),
        ] {
            for audience in Audience::ALL {
                assert_eq!(
                    allows(marking, audience),
                    allowed.contains(&audience),
                    "{marking:?} {audience}"
                );
            }
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let incident = Incident {
            name: "tenants/acme/incidents/1".to_owned(),
            number: 3,
            tlp: Tlp::AmberStrict.into(),
            ..Incident::default()
        };
        check(&incident, Audience::Organization).unwrap();
        let error = check(&incident, Audience::Clients).unwrap_err();
        assert_eq!(error.reason(), Reason::TlpViolation);
        assert_eq!(error.metadata("widest_audience"), Some("organization"));
        assert_eq!(error.metadata("marking"), Some("TLP:AMBER+STRICT"));
        assert!(error.message().contains("#3 is marked TLP:AMBER+STRICT"));
        // A marking of a later version is not known here: it is as RED.
        let later = Incident {
            tlp: 99,
            ..incident
        };
        assert!(check(&later, Audience::Organization).is_err());
        check(&later, Audience::Recipients).unwrap();
    }

    proptest! {
        /// Fewer people are never worse, and a more open marking never forbids.
        #[test]
        fn rules_are_monotone(
            marking in 0..6usize, other in 0..6usize, audience in 0..5usize, narrower in 0..5usize,
        ) {
            let (strict, open) = (MARKINGS[marking.min(other)], MARKINGS[marking.max(other)]);
            let (few, many) = (
                Audience::ALL[audience.min(narrower)],
                Audience::ALL[audience.max(narrower)],
            );
            prop_assert!(!allows(strict, many) || allows(open, few));
            prop_assert!(allows(strict, Audience::Recipients));
            prop_assert_eq!(allows(strict, many), many <= Audience::widest(strict));
        }
    }
}
