//! The closed sets of words about facts, as they are typed and as they are shown.

use clap::ValueEnum;
use cordon_client::{FactAudience, FactKind, FactState};

use crate::incidents::words::words;

words! {
    /// What a fact is about.
    KindArg for FactKind, kind {
        /// Regions and zones
        Regions = "REGIONS",
        /// Hypervisor and storage technology
        Technology = "TECHNOLOGY",
        /// What keeps tenants apart, and what they share
        Isolation = "ISOLATION",
        /// Formats of logs, and how late they come
        LogFormats = "LOG_FORMATS",
        /// What can be secured as evidence
        ForensicCapabilities = "FORENSIC_CAPABILITIES",
        /// Whom to call
        Contacts = "CONTACTS",
        /// When something is worked on
        Maintenance = "MAINTENANCE",
    }
}

/// The word as JSON has it.
pub(super) const fn state(state: FactState) -> &'static str {
    match state {
        FactState::Upcoming => "UPCOMING",
        FactState::Current => "CURRENT",
        FactState::Expired => "EXPIRED",
        FactState::Withdrawn => "WITHDRAWN",
        FactState::Unspecified => "",
    }
}

/// Reads for whom a fact is, for clap.
pub(super) fn audience(text: &str) -> Result<FactAudience, String> {
    match text.split_once(':') {
        None if text == "everyone" => Ok(FactAudience::Everyone),
        Some(("service", id)) if !id.is_empty() => Ok(FactAudience::Service(id.to_owned())),
        Some(("tenant", id)) if !id.is_empty() => Ok(FactAudience::Tenant(id.to_owned())),
        _ => Err("expected everyone, service:ID or tenant:ID".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_typed_and_shown_alike() {
        for word in KindArg::value_variants() {
            let typed = word.to_possible_value().unwrap().get_name().to_owned();
            let shown = kind((*word).into()).to_lowercase().replace('_', "-");
            assert_eq!(typed, shown);
        }
        assert_eq!(audience("everyone"), Ok(FactAudience::Everyone));
        let tenant = FactAudience::Tenant("acme".to_owned());
        assert_eq!(audience("tenant:acme"), Ok(tenant));
        for wrong in ["", "all", "tenant", "tenant:", "acme"] {
            assert!(audience(wrong).is_err(), "{wrong}");
        }
    }
}
