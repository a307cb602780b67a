//! What is published, changed and asked, in the words of callers.

use cordon_proto::catalogue as wire;
use cordon_proto::catalogue::recommend_sources_request::Question;
use jiff::Timestamp;
use prost_types::FieldMask;

use super::{Fact, FactKind};
use crate::tenants::named;
use crate::time::to_proto;

/// For whom a fact is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactAudience {
    /// All tenants.
    Everyone,
    /// The tenants that use this service.
    Service(String),
    /// This tenant.
    Tenant(String),
}

impl FactAudience {
    fn message(self) -> wire::FactAudience {
        use wire::fact_audience::Audience;
        let audience = match self {
            Self::Everyone => Audience::Everyone(wire::EveryTenant {}),
            Self::Service(service) => Audience::Service(service),
            Self::Tenant(tenant) => Audience::Tenant(named("tenants", &tenant)),
        };
        wire::FactAudience {
            audience: Some(audience),
        }
    }
}

/// A fact to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFact {
    /// What it is about.
    pub kind: FactKind,
    /// For whom it is; stays as it is.
    pub audience: FactAudience,
    /// The service that it is about; empty for none in particular.
    pub service: String,
    /// The region; empty for all.
    pub region: String,
    /// In up to 200 characters.
    pub title: String,
    /// In up to 8,192 characters: plain, or Markdown.
    pub text: String,
    /// From when on it holds; `None` for always.
    pub valid_from: Option<Timestamp>,
    /// Until when, that moment excluded; `None` for no end.
    pub valid_to: Option<Timestamp>,
}

impl NewFact {
    pub(super) fn message(self) -> Fact {
        Fact {
            kind: self.kind.into(),
            audience: Some(self.audience.message()),
            service: self.service,
            region: self.region,
            title: self.title,
            text: self.text,
            valid_from: self.valid_from.map(to_proto),
            valid_to: self.valid_to.map(to_proto),
            ..Fact::default()
        }
    }
}

/// What is to be stated anew of a fact; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactChanges {
    /// The service that it is about; empty for none.
    pub service: Option<String>,
    /// The region; empty for all.
    pub region: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// The text.
    pub text: Option<String>,
    /// From when on it holds; `Some(None)` for always.
    pub valid_from: Option<Option<Timestamp>>,
    /// Until when; `Some(None)` for no end.
    pub valid_to: Option<Option<Timestamp>>,
}

impl FactChanges {
    pub(super) fn request(self, name: String, etag: &str) -> wire::UpdateFactRequest {
        let said = [
            ("service", self.service.is_some()),
            ("region", self.region.is_some()),
            ("title", self.title.is_some()),
            ("text", self.text.is_some()),
            ("valid_from", self.valid_from.is_some()),
            ("valid_to", self.valid_to.is_some()),
        ];
        let paths = said.iter().filter(|(_, said)| *said);
        wire::UpdateFactRequest {
            update_mask: Some(FieldMask {
                paths: paths.map(|(path, _)| (*path).to_owned()).collect(),
            }),
            fact: Some(Fact {
                name,
                etag: etag.to_owned(),
                service: self.service.unwrap_or_default(),
                region: self.region.unwrap_or_default(),
                title: self.title.unwrap_or_default(),
                text: self.text.unwrap_or_default(),
                valid_from: self.valid_from.flatten().map(to_proto),
                valid_to: self.valid_to.flatten().map(to_proto),
                ..Fact::default()
            }),
        }
    }
}

/// Which facts; what is not said is no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactFilter {
    /// Of this kind alone.
    pub kind: Option<FactKind>,
    /// About this service alone.
    pub service: String,
    /// As they were stated then; `None` for now.
    pub as_of: Option<Timestamp>,
    /// Those as well that were withdrawn or whose time was over.
    pub ended: bool,
}

/// What somebody wants to know about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceQuestion {
    /// A technique of MITRE ATT&CK, as in `T1562.008`, and its sub-techniques.
    Technique(String),
    /// All techniques of a tactic, as in `exfiltration` or `TA0010`.
    Tactic(String),
    /// What kind of incident it is thought to be, as in `credential-compromise`.
    IncidentKind(String),
    /// A suspicious operation: the type of its source, and its name there.
    Operation(String, String),
    /// A suspicious event of the tenant's, by its full name or its short id.
    Event(String),
}

impl SourceQuestion {
    pub(super) fn message(self, event: impl FnOnce(&str) -> String) -> Question {
        match self {
            Self::Technique(id) => Question::Technique(id),
            Self::Tactic(name) => Question::Tactic(name),
            Self::IncidentKind(kind) => Question::IncidentKind(kind),
            Self::Operation(source_type, operation) => Question::Operation(wire::SourceOperation {
                source_type,
                operation,
            }),
            Self::Event(name) => Question::Event(event(&name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_is_stated_anew() {
        let changes = FactChanges {
            text: Some("KVM 9".to_owned()),
            valid_to: Some(None),
            ..FactChanges::default()
        };
        let request = changes.request("facts/1".to_owned(), "e1");
        assert_eq!(request.update_mask.unwrap().paths, ["text", "valid_to"]);
        let fact = request.fact.unwrap();
        assert_eq!((fact.name.as_str(), fact.etag.as_str()), ("facts/1", "e1"));
        assert_eq!((fact.text.as_str(), fact.valid_to), ("KVM 9", None));
    }

    #[test]
    fn an_audience_is_named_in_full() {
        use wire::fact_audience::Audience;
        let of = |audience: FactAudience| audience.message().audience.unwrap();
        let acme = Audience::Tenant("tenants/acme".to_owned());
        assert_eq!(of(FactAudience::Tenant("acme".to_owned())), acme);
        assert_eq!(of(FactAudience::Tenant("tenants/acme".to_owned())), acme);
        let everyone = Audience::Everyone(wire::EveryTenant {});
        assert_eq!(of(FactAudience::Everyone), everyone);
    }
}
