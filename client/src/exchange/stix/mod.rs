//! STIX 2.1, an OASIS standard: the form in which incidents go to other programs.
//!
//! An incident is an `incident` with OASIS's Incident Core extension, each comment a `note` about
//! it, customer and provider an `identity` each. Each carries its marking by the definitions of TLP
//! 2.0 that OASIS has published. What STIX has no place for (number, severity, phase, criteria,
//! timeline) is in an extension of our own, whose definition is in the bundle.

mod ids;
mod objects;
mod tlp;

use cordon_proto::incidents::Tlp;
use jiff::Timestamp;
use serde_json::Value;

pub(super) use self::tlp::marking_of;
use super::document::Case;
use super::words;
use crate::error::Result;

/// OASIS's Incident Core extension.
pub(super) const INCIDENT_CORE: &str = "extension-definition--ef765651-680c-498d-9894-99799f2fa126";
/// Our own extension.
pub(super) const CORDON: &str = "extension-definition--9beae8f3-286e-4b2c-932e-ae5c83c2c610";
/// Who made it.
const MAKER: &str = "identity--0c6cfc9c-1dcd-4c49-a8a6-f8efad3649d2";

/// A bundle that is written while its cases are read.
#[derive(Debug)]
pub struct Bundle {
    installation: String,
    tenant: String,
    id: String,
    /// All markings of what is in it.
    markings: Vec<Tlp>,
}

impl Bundle {
    /// Begins a bundle of a tenant's incidents. `installation` tells this installation from
    /// others, in which another customer may have the same name; it is not in the bundle.
    #[must_use]
    pub fn new(installation: &str, tenant: &str, now: Timestamp) -> Self {
        let name = format!("{installation}/{tenant}/{now}");
        Self {
            id: ids::id("bundle", &name),
            installation: installation.to_owned(),
            tenant: tenant.to_owned(),
            markings: Vec::new(),
        }
    }

    /// What comes before the first object.
    #[must_use]
    pub fn head(&self) -> String {
        format!("{{\"type\":\"bundle\",\"id\":\"{}\",\"objects\":[", self.id)
    }

    /// What comes behind the last one.
    #[must_use]
    pub const fn tail(&self) -> &'static str {
        "]}"
    }

    /// The objects of a case.
    ///
    /// # Errors
    ///
    /// `INVALID_DOCUMENT` when its marking is not known.
    pub fn case(&mut self, case: &Case) -> Result<Vec<Value>> {
        let marking = words::tlp_from(case.tlp.as_deref())?;
        if !self.markings.contains(&marking) {
            self.markings.push(marking);
        }
        Ok(objects::of_case(self, case, marking))
    }

    /// The objects that the others refer to: the two sides, the markings, our extension. The
    /// sides are marked as the most open of what they stand in, with which their names go out.
    #[must_use]
    pub fn rest(&self) -> Vec<Value> {
        let open = self
            .markings
            .iter()
            .copied()
            .max_by_key(|tlp| i32::from(*tlp));
        let mut markings = self.markings.clone();
        markings.retain(|marking| *marking != Tlp::Clear);
        markings.push(Tlp::Clear);
        let mut rest = Vec::new();
        if let Some(open) = open {
            rest.extend(objects::sides(self, open));
        }
        rest.extend(markings.into_iter().filter_map(tlp::definition));
        rest.extend(objects::extension());
        rest
    }
}

#[cfg(test)]
pub(in super::super) mod tests;
