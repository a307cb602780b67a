//! Resource names (AIP-122): the one place that takes them apart and puts them together.
//!
//! A name carries no authority. The wall is that whoever handles `tenants/t/…` compares
//! [`Name::tenant`] with the tenant of its scope before it looks anything up.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::error::{Error, Result};
use crate::ids::{AccountId, CredentialId, EventName, ServiceId, SourceId, TenantId};

/// The name of anything that the API names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// `tenants/{tenant}`
    Tenant(TenantId),
    /// `tenants/{tenant}/events/{event}`
    Event(TenantId, EventName),
    /// `tenants/{tenant}/accounts/{account}`, as in `tenants/acme/accounts/aws:123456789012`
    Account(TenantId, AccountId),
    /// `tenants/{tenant}/resources/{uuid}`
    Resource(TenantId, Uuid),
    /// `tenants/{tenant}/credentials/{credential}`
    TenantCredential(TenantId, CredentialId),
    /// `tenants/{tenant}/auditEntries/{seq}`
    TenantAuditEntry(TenantId, u64),
    /// `tenants/{tenant}/legalHolds/{uuid}`
    LegalHold(TenantId, Uuid),
    /// `tenants/{tenant}/keyRotations/{version}`
    KeyRotation(TenantId, u64),
    /// `tenants/{tenant}/incidents/{uuid}`
    Incident(TenantId, Uuid),
    /// `tenants/{tenant}/incidents/{uuid}/comments/{uuid}`
    Comment(TenantId, Uuid, Uuid),
    /// `tenants/{tenant}/incidents/{uuid}/tasks/{uuid}`
    Task(TenantId, Uuid, Uuid),
    /// `tenants/{tenant}/rules/{uuid}`
    Rule(TenantId, Uuid),
    /// `tenants/{tenant}/detectionPolicy`
    DetectionPolicy(TenantId),
    /// `tenants/{tenant}/baselines`: what is usual of a tenant
    Baselines(TenantId),
    /// `tenants/{tenant}/contextEntries/{uuid}`: what a tenant tells of its own
    ContextEntry(TenantId, Uuid),
    /// `tenants/{tenant}/findings/{uuid}`
    Finding(TenantId, Uuid),
    /// A question to the provider: `tenants/{tenant}/analyses/{analysis}`.
    Analysis(TenantId, Uuid),
    /// `tenants/{tenant}/snapshots/{snapshot}`
    Snapshot(TenantId, Uuid),
    /// `tenants/{tenant}/snapshots/{snapshot}/holds/{hold}`
    SnapshotHold(TenantId, Uuid, Uuid),
    /// `tenants/{tenant}/facts/{uuid}`: what the provider states, as this tenant is told it
    TenantFact(TenantId, Uuid),
    /// `tenants/{tenant}/services/{service}`
    Service(TenantId, ServiceId),
    /// `tenants/{tenant}/incidents/{uuid}/timelineEntries/{seq}`
    TimelineEntry(TenantId, Uuid, u64),
    /// `tenants/{tenant}/incidents/{uuid}/attachments/{uuid}`
    Attachment(TenantId, Uuid, Uuid),
    /// `tenants/{tenant}/incidents/{uuid}/links/{uuid}`
    Link(TenantId, Uuid, Uuid),
    /// `tenants/{tenant}/incidents/{uuid}/notes/{uuid}`: of the tenant's people among themselves
    Note(TenantId, Uuid, Uuid),
    /// `tenants/{tenant}/noteKeys/{uuid}`
    NoteKey(TenantId, Uuid),
    /// `tenants/{tenant}/incidents/{uuid}/providerNotes/{uuid}`: of staff among themselves, about
    /// the tenant and not the tenant's
    ProviderNote(TenantId, Uuid, Uuid),
    /// `tenants/{tenant}/agreements/{version}`
    Agreement(TenantId, u64),
    /// `tenants/{tenant}/reports/{month}`, the month as in `2026-10`
    Report(TenantId, i16, i8),
    /// `tenants/{tenant}/subscriptions/{uuid}`
    Subscription(TenantId, Uuid),
    /// `tenants/{tenant}/subscriptions/{uuid}/deliveries/{seq}`
    Delivery(TenantId, Uuid, u64),
    /// `tenants/{tenant}/deletionCertificate`
    DeletionCertificate(TenantId),
    /// `credentials/{credential}`: one of the provider's staff
    StaffCredential(CredentialId),
    /// `auditEntries/{seq}`: of the provider's own log
    ProviderAuditEntry(u64),
    /// `sources/{source}`
    Source(SourceId),
    /// `sources/{source}/credentials/{credential}`
    SourceCredential(SourceId, CredentialId),
    /// `sources/{source}/deadLetters/{uuid}`
    DeadLetter(SourceId, Uuid),
    /// `addressRanges/{uuid}`
    AddressRange(Uuid),
    /// `providerIncidents/{uuid}`: one of the whole provider
    ProviderIncident(Uuid),
    /// `providerRules/{uuid}`: one of the provider's for all tenants
    ProviderRule(Uuid),
    /// `facts/{uuid}`: what the provider states
    Fact(Uuid),
    /// `hostWork/{uuid}`: announced work on hosts
    HostWork(Uuid),
}

impl Name {
    /// The tenant in whose namespace the name lies, if it lies in one.
    #[must_use]
    pub fn tenant(&self) -> Option<&TenantId> {
        match self {
            Self::Tenant(tenant)
            | Self::Event(tenant, _)
            | Self::Account(tenant, _)
            | Self::Resource(tenant, _)
            | Self::TenantCredential(tenant, _)
            | Self::TenantAuditEntry(tenant, _)
            | Self::LegalHold(tenant, _)
            | Self::KeyRotation(tenant, _)
            | Self::Incident(tenant, _)
            | Self::Comment(tenant, ..)
            | Self::Task(tenant, ..)
            | Self::Rule(tenant, _)
            | Self::ContextEntry(tenant, _)
            | Self::Finding(tenant, _)
            | Self::Analysis(tenant, _)
            | Self::Snapshot(tenant, _)
            | Self::SnapshotHold(tenant, ..)
            | Self::DetectionPolicy(tenant)
            | Self::Baselines(tenant)
            | Self::TenantFact(tenant, _)
            | Self::Service(tenant, _)
            | Self::TimelineEntry(tenant, ..)
            | Self::Attachment(tenant, ..)
            | Self::Link(tenant, ..)
            | Self::Note(tenant, ..)
            | Self::NoteKey(tenant, _)
            | Self::ProviderNote(tenant, ..)
            | Self::Agreement(tenant, _)
            | Self::Report(tenant, ..)
            | Self::Subscription(tenant, _)
            | Self::Delivery(tenant, ..)
            | Self::DeletionCertificate(tenant) => Some(tenant),
            Self::StaffCredential(_)
            | Self::ProviderAuditEntry(_)
            | Self::Source(_)
            | Self::SourceCredential(..)
            | Self::DeadLetter(..)
            | Self::AddressRange(_)
            | Self::ProviderIncident(_)
            | Self::ProviderRule(_)
            | Self::Fact(_)
            | Self::HostWork(_) => None,
        }
    }

    /// The source in whose namespace the name lies, if it lies in one.
    #[must_use]
    pub fn source(&self) -> Option<&SourceId> {
        match self {
            Self::Source(source)
            | Self::SourceCredential(source, _)
            | Self::DeadLetter(source, _) => Some(source),
            _ => None,
        }
    }

    /// Parses the value of the request field `field`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names the field.
    pub fn parse(field: &str, text: &str) -> Result<Self> {
        Self::split(text).ok_or_else(|| {
            Error::invalid(
                field,
                "not a resource name such as tenants/acme/events/0123…",
            )
        })
    }

    /// Parses `tenants/{tenant}` from the request field `field`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names the field.
    pub fn parse_tenant(field: &str, text: &str) -> Result<TenantId> {
        match Self::split(text) {
            Some(Self::Tenant(tenant)) => Ok(tenant),
            _ => Err(Error::invalid(field, "expected tenants/{tenant}")),
        }
    }

    /// Parses `sources/{source}` from the request field `field`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names the field.
    pub fn parse_source(field: &str, text: &str) -> Result<SourceId> {
        match Self::split(text) {
            Some(Self::Source(source)) => Ok(source),
            _ => Err(Error::invalid(field, "expected sources/{source}")),
        }
    }

    fn split(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(7, '/').collect();
        Some(match *parts.as_slice() {
            ["tenants", t] => Self::Tenant(t.parse().ok()?),
            ["tenants", t, "events", e] => Self::Event(t.parse().ok()?, e.parse().ok()?),
            ["tenants", t, "accounts", a] => Self::Account(t.parse().ok()?, a.parse().ok()?),
            ["tenants", t, "resources", u] => Self::Resource(t.parse().ok()?, uuid(u)?),
            ["tenants", t, "credentials", c] => {
                Self::TenantCredential(t.parse().ok()?, c.parse().ok()?)
            }
            ["tenants", t, "auditEntries", n] => {
                Self::TenantAuditEntry(t.parse().ok()?, number(n)?)
            }
            ["tenants", t, "legalHolds", u] => Self::LegalHold(t.parse().ok()?, uuid(u)?),
            ["tenants", t, "keyRotations", n] => Self::KeyRotation(t.parse().ok()?, number(n)?),
            ["tenants", t, "incidents", i] => Self::Incident(t.parse().ok()?, uuid(i)?),
            ["tenants", t, "incidents", i, "comments", c] => {
                Self::Comment(t.parse().ok()?, uuid(i)?, uuid(c)?)
            }
            ["tenants", t, "rules", u] => Self::Rule(t.parse().ok()?, uuid(u)?),
            ["tenants", t, "findings", u] => Self::Finding(t.parse().ok()?, uuid(u)?),
            ["tenants", t, "analyses", u] => Self::Analysis(t.parse().ok()?, uuid(u)?),
            ["tenants", t, "snapshots", u] => Self::Snapshot(t.parse().ok()?, uuid(u)?),
            ["tenants", t, "snapshots", u, "holds", h] => {
                Self::SnapshotHold(t.parse().ok()?, uuid(u)?, uuid(h)?)
            }
            ["tenants", t, "facts", u] => Self::TenantFact(t.parse().ok()?, uuid(u)?),
            ["tenants", t, "services", s] => Self::Service(t.parse().ok()?, s.parse().ok()?),
            ["tenants", t, "incidents", i, "tasks", k] => {
                Self::Task(t.parse().ok()?, uuid(i)?, uuid(k)?)
            }
            ["tenants", t, "incidents", i, "timelineEntries", n] => {
                Self::TimelineEntry(t.parse().ok()?, uuid(i)?, number(n)?)
            }
            ["tenants", t, "incidents", i, "attachments", a] => {
                Self::Attachment(t.parse().ok()?, uuid(i)?, uuid(a)?)
            }
            ["tenants", t, "incidents", i, "links", l] => {
                Self::Link(t.parse().ok()?, uuid(i)?, uuid(l)?)
            }
            ["tenants", t, "incidents", i, "notes", n] => {
                Self::Note(t.parse().ok()?, uuid(i)?, uuid(n)?)
            }
            ["tenants", t, "incidents", i, "providerNotes", n] => {
                Self::ProviderNote(t.parse().ok()?, uuid(i)?, uuid(n)?)
            }
            ["tenants", t, "noteKeys", u] => Self::NoteKey(t.parse().ok()?, uuid(u)?),
            ["tenants", t, "agreements", n] => Self::Agreement(t.parse().ok()?, number(n)?),
            ["tenants", t, "reports", m] => {
                let (year, month) = month(m)?;
                Self::Report(t.parse().ok()?, year, month)
            }
            ["tenants", t, "subscriptions", s] => Self::Subscription(t.parse().ok()?, uuid(s)?),
            ["tenants", t, "subscriptions", s, "deliveries", n] => {
                Self::Delivery(t.parse().ok()?, uuid(s)?, number(n)?)
            }
            ["tenants", t, "baselines"] => Self::Baselines(t.parse().ok()?),
            ["tenants", t, "contextEntries", u] => Self::ContextEntry(t.parse().ok()?, uuid(u)?),
            ["tenants", t, "detectionPolicy"] => Self::DetectionPolicy(t.parse().ok()?),
            ["tenants", t, "deletionCertificate"] => Self::DeletionCertificate(t.parse().ok()?),
            ["credentials", c] => Self::StaffCredential(c.parse().ok()?),
            ["auditEntries", n] => Self::ProviderAuditEntry(number(n)?),
            ["sources", s] => Self::Source(s.parse().ok()?),
            ["sources", s, "credentials", c] => {
                Self::SourceCredential(s.parse().ok()?, c.parse().ok()?)
            }
            ["sources", s, "deadLetters", u] => Self::DeadLetter(s.parse().ok()?, uuid(u)?),
            ["addressRanges", u] => Self::AddressRange(uuid(u)?),
            ["providerIncidents", u] => Self::ProviderIncident(uuid(u)?),
            ["providerRules", u] => Self::ProviderRule(uuid(u)?),
            ["facts", u] => Self::Fact(uuid(u)?),
            ["hostWork", u] => Self::HostWork(uuid(u)?),
            _ => return None,
        })
    }
}

/// Writes the name of something within an incident.
fn within(
    f: &mut fmt::Formatter<'_>,
    tenant: &TenantId,
    incident: &Uuid,
    collection: &str,
    id: &Uuid,
) -> fmt::Result {
    let (incident, id) = (incident.hyphenated(), id.hyphenated());
    write!(f, "tenants/{tenant}/incidents/{incident}/{collection}/{id}")
}

/// A UUID in its one canonical spelling: one resource, one name.
fn uuid(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    (uuid.hyphenated().to_string() == text).then_some(uuid)
}

/// A decimal number without sign or leading zeroes.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A month, as in `2026-10`.
fn month(text: &str) -> Option<(i16, i8)> {
    let (year, month) = text.split_once('-')?;
    let (year, month): (i16, i8) = (year.parse().ok()?, month.parse().ok()?);
    let fits = (1970..=9998).contains(&year) && (1..=12).contains(&month);
    (fits && format!("{year:04}-{month:02}") == text).then_some((year, month))
}

impl FromStr for Name {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::parse("name", text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(t) => write!(f, "tenants/{t}"),
            Self::Event(t, e) => write!(f, "tenants/{t}/events/{e}"),
            Self::Account(t, a) => write!(f, "tenants/{t}/accounts/{a}"),
            Self::Resource(t, u) => write!(f, "tenants/{t}/resources/{}", u.hyphenated()),
            Self::TenantCredential(t, c) => write!(f, "tenants/{t}/credentials/{c}"),
            Self::TenantAuditEntry(t, n) => write!(f, "tenants/{t}/auditEntries/{n}"),
            Self::LegalHold(t, u) => write!(f, "tenants/{t}/legalHolds/{}", u.hyphenated()),
            Self::KeyRotation(t, n) => write!(f, "tenants/{t}/keyRotations/{n}"),
            Self::Incident(t, i) => write!(f, "tenants/{t}/incidents/{}", i.hyphenated()),
            Self::Comment(t, i, c) => {
                let (i, c) = (i.hyphenated(), c.hyphenated());
                write!(f, "tenants/{t}/incidents/{i}/comments/{c}")
            }
            Self::Rule(t, u) => write!(f, "tenants/{t}/rules/{}", u.hyphenated()),
            Self::Finding(t, u) => write!(f, "tenants/{t}/findings/{}", u.hyphenated()),
            Self::Analysis(t, u) => write!(f, "tenants/{t}/analyses/{}", u.hyphenated()),
            Self::Snapshot(t, u) => write!(f, "tenants/{t}/snapshots/{}", u.hyphenated()),
            Self::SnapshotHold(t, u, h) => {
                let (u, h) = (u.hyphenated(), h.hyphenated());
                write!(f, "tenants/{t}/snapshots/{u}/holds/{h}")
            }
            Self::TenantFact(t, u) => write!(f, "tenants/{t}/facts/{}", u.hyphenated()),
            Self::Service(t, s) => write!(f, "tenants/{t}/services/{s}"),
            Self::Task(t, i, k) => {
                let (i, k) = (i.hyphenated(), k.hyphenated());
                write!(f, "tenants/{t}/incidents/{i}/tasks/{k}")
            }
            Self::TimelineEntry(t, i, n) => {
                let i = i.hyphenated();
                write!(f, "tenants/{t}/incidents/{i}/timelineEntries/{n}")
            }
            Self::Attachment(t, i, a) => within(f, t, i, "attachments", a),
            Self::Link(t, i, l) => within(f, t, i, "links", l),
            Self::Note(t, i, n) => within(f, t, i, "notes", n),
            Self::ProviderNote(t, i, n) => within(f, t, i, "providerNotes", n),
            Self::NoteKey(t, u) => write!(f, "tenants/{t}/noteKeys/{}", u.hyphenated()),
            Self::Agreement(t, n) => write!(f, "tenants/{t}/agreements/{n}"),
            Self::Report(t, year, month) => write!(f, "tenants/{t}/reports/{year:04}-{month:02}"),
            Self::Subscription(t, s) => write!(f, "tenants/{t}/subscriptions/{}", s.hyphenated()),
            Self::Delivery(t, s, n) => {
                let s = s.hyphenated();
                write!(f, "tenants/{t}/subscriptions/{s}/deliveries/{n}")
            }
            Self::Baselines(t) => write!(f, "tenants/{t}/baselines"),
            Self::ContextEntry(t, u) => write!(f, "tenants/{t}/contextEntries/{}", u.hyphenated()),
            Self::DetectionPolicy(t) => write!(f, "tenants/{t}/detectionPolicy"),
            Self::DeletionCertificate(t) => write!(f, "tenants/{t}/deletionCertificate"),
            Self::StaffCredential(c) => write!(f, "credentials/{c}"),
            Self::ProviderAuditEntry(n) => write!(f, "auditEntries/{n}"),
            Self::Source(s) => write!(f, "sources/{s}"),
            Self::SourceCredential(s, c) => write!(f, "sources/{s}/credentials/{c}"),
            Self::DeadLetter(s, u) => write!(f, "sources/{s}/deadLetters/{}", u.hyphenated()),
            Self::AddressRange(u) => write!(f, "addressRanges/{}", u.hyphenated()),
            Self::ProviderIncident(u) => write!(f, "providerIncidents/{}", u.hyphenated()),
            Self::ProviderRule(u) => write!(f, "providerRules/{}", u.hyphenated()),
            Self::Fact(u) => write!(f, "facts/{}", u.hyphenated()),
            Self::HostWork(u) => write!(f, "hostWork/{}", u.hyphenated()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVENT: &str = "00112233445566778899aabbccddeeff";
    const UUID: &str = "01920000-0000-7000-8000-000000000001";

    fn examples() -> Vec<String> {
        vec![
            "tenants/acme".into(),
            format!("tenants/acme/events/{EVENT}"),
            "tenants/acme/accounts/aws:123456789012".into(),
            format!("tenants/acme/resources/{UUID}"),
            format!("tenants/acme/credentials/{UUID}"),
            "tenants/acme/auditEntries/17".into(),
            format!("tenants/acme/legalHolds/{UUID}"),
            "tenants/acme/keyRotations/2".into(),
            format!("tenants/acme/incidents/{UUID}"),
            format!("tenants/acme/incidents/{UUID}/comments/{UUID}"),
            format!("tenants/acme/incidents/{UUID}/tasks/{UUID}"),
            format!("tenants/acme/incidents/{UUID}/timelineEntries/3"),
            format!("tenants/acme/incidents/{UUID}/attachments/{UUID}"),
            format!("tenants/acme/incidents/{UUID}/links/{UUID}"),
            format!("tenants/acme/incidents/{UUID}/notes/{UUID}"),
            format!("tenants/acme/incidents/{UUID}/providerNotes/{UUID}"),
            format!("tenants/acme/noteKeys/{UUID}"),
            "tenants/acme/agreements/2".into(),
            format!("tenants/acme/subscriptions/{UUID}"),
            format!("tenants/acme/subscriptions/{UUID}/deliveries/4"),
            "tenants/acme/deletionCertificate".into(),
            format!("credentials/{UUID}"),
            "auditEntries/0".into(),
            "sources/trail".into(),
            format!("sources/trail/credentials/{UUID}"),
            format!("sources/trail/deadLetters/{UUID}"),
            format!("addressRanges/{UUID}"),
            "tenants/acme/detectionPolicy".into(),
            format!("tenants/acme/contextEntries/{UUID}"),
            format!("providerIncidents/{UUID}"),
            format!("providerRules/{UUID}"),
            format!("tenants/acme/facts/{UUID}"),
            "tenants/acme/services/object-storage".into(),
            format!("facts/{UUID}"),
            format!("hostWork/{UUID}"),
        ]
    }

    #[test]
    fn every_form_round_trips() {
        for text in examples() {
            let name: Name = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            assert_eq!(
                name.tenant().is_some(),
                text.starts_with("tenants/"),
                "{text}"
            );
            assert_eq!(
                name.source().is_some(),
                text.starts_with("sources/"),
                "{text}"
            );
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        let bad = [
            "",
            "/",
            "tenants",
            "tenants/",
            "tenants/acme/",
            "/tenants/acme",
            "tenants//acme",
            "tenants/acme/events",
            "tenants/acme/events/",
            "tenants/acme/events/xyz",
            "tenants/ACME",
            "tenants/acme/incidents/1",
            "tenants/acme/auditEntries/01",
            "tenants/acme/auditEntries/+1",
            "tenants/acme/../globex",
            "projects/acme",
            "addressRanges/01920000000070008000000000000001",
            "tenants/acme///",
            "sources/trail/events/x",
            "tenants/acme/accounts/a/b",
        ];
        for text in bad {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
        let long = format!("tenants/acme/events/{EVENT}/more");
        assert!(long.parse::<Name>().is_err());
        let error = Name::parse_tenant("parent", "sources/trail").unwrap_err();
        assert_eq!(error.violations()[0].field, "parent");
        assert!(Name::parse_source("parent", "tenants/acme").is_err());
    }

    proptest! {
        #[test]
        fn what_parses_prints_as_it_was(text in "(tenants|sources|credentials|auditEntries)(/[a-z0-9:.-]{0,40}){0,5}") {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
