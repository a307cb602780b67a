//! Between messages and facts.

use cordon_kernel::db::timestamp;
use cordon_kernel::{Disclosed, Error, Name, Result, ServiceId, TenantId};
use cordon_proto::catalogue as wire;
use jiff::Timestamp;
use uuid::Uuid;

use super::model::{self, Audience, Fact, Kind, NewFact, Patch, State, Statement};
use crate::rooms::fields::{Fields, wire_time};
use crate::rooms::words::pairs;

/// Longest text, in characters.
const MAX_TEXT: usize = 8_192;
/// Longest name of a region, in characters.
const MAX_REGION: usize = 63;

pairs!(Kind as wire::FactKind: Regions Technology Isolation LogFormats ForensicCapabilities Contacts Maintenance; kind, kind_from);

/// Which fact, and of whom it is asked: a tenant's people name theirs.
pub(super) fn fact_name(field: &str, name: &str) -> Result<(Option<TenantId>, Uuid)> {
    match Name::parse(field, name)? {
        Name::Fact(id) => Ok((None, id)),
        Name::TenantFact(tenant, id) => Ok((Some(tenant), id)),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}/facts/{fact}, or of staff facts/{fact}",
        )),
    }
}

/// A fact as operators name it.
fn own_name(field: &str, name: &str) -> Result<Uuid> {
    match fact_name(field, name)? {
        (None, id) => Ok(id),
        _ => Err(Error::invalid(field, "expected facts/{fact}")),
    }
}

/// Whose facts are listed; none for all.
pub(super) fn parent(parent: &str) -> Result<Option<TenantId>> {
    match parent {
        "" => Ok(None),
        parent => Name::parse_tenant("parent", parent).map(Some),
    }
}

/// The moment that is asked for; none for now.
pub(super) fn as_of(time: Option<prost_types::Timestamp>) -> Result<Option<Timestamp>> {
    let mut fields = Fields::default();
    let time = fields.time("as_of_time", time);
    fields.finish()?;
    Ok(time.flatten().map(timestamp))
}

pub(super) fn wanted_kind(number: i32) -> Result<Option<Kind>> {
    match number {
        0 => Ok(None),
        number => kind_from(number)
            .map(Some)
            .ok_or_else(|| Error::invalid("kind", "no such kind of facts")),
    }
}

/// The service that is asked about; empty for all.
pub(super) fn wanted_service(text: String) -> Result<String> {
    if !text.is_empty()
        && let Err(expected) = text.parse::<ServiceId>()
    {
        return Err(Error::invalid("service", expected.to_string()));
    }
    Ok(text)
}

pub(super) fn create(request: wire::CreateFactRequest) -> Result<NewFact> {
    let mut fields = Fields::default();
    let body = request.fact.unwrap_or_default();
    let kind = kind_from(body.kind);
    if kind.is_none() {
        fields.wrong("fact.kind", "expected a kind of facts");
    }
    let audience = audience(&mut fields, body.audience.as_ref());
    let service = service(&mut fields, &body.service);
    let region = region(&mut fields, &body.region);
    let title = title(&mut fields, &body.title);
    let text = text(&mut fields, &body.text);
    let from = fields.time("fact.valid_from", body.valid_from);
    let to = fields.time("fact.valid_to", body.valid_to);
    let (Some(kind), Some(audience), Some(service), Some(region)) =
        (kind, audience, service, region)
    else {
        return Err(fields.refuse());
    };
    let (Some(title), Some(text), Some(valid_from), Some(valid_to)) = (title, text, from, to)
    else {
        return Err(fields.refuse());
    };
    let statement = Statement {
        service,
        region,
        title,
        text,
        valid_from,
        valid_to,
    };
    model::require_order(&statement)?;
    Ok(NewFact {
        kind,
        audience,
        statement,
    })
}

/// A new statement: of which fact, what of it, and what it must be like.
pub(super) fn update(request: wire::UpdateFactRequest) -> Result<(Uuid, Patch, String)> {
    let mut fields = Fields::default();
    let body = request.fact.unwrap_or_default();
    let id = fields.named(own_name("fact.name", &body.name));
    let paths = request.update_mask.unwrap_or_default().paths;
    if paths.is_empty() {
        fields.wrong("update_mask", "expected the names of the fields to change");
    }
    let mut patch = Patch::default();
    for path in &paths {
        match path.as_str() {
            "service" => patch.service = service(&mut fields, &body.service),
            "region" => patch.region = region(&mut fields, &body.region),
            "title" => patch.title = title(&mut fields, &body.title),
            "text" => patch.text = text(&mut fields, &body.text),
            "valid_from" => patch.valid_from = fields.time("fact.valid_from", body.valid_from),
            "valid_to" => patch.valid_to = fields.time("fact.valid_to", body.valid_to),
            "kind" | "audience" => fields.wrong(
                "update_mask",
                format!("{path} stays as it is: withdraw the fact and publish another"),
            ),
            _ => fields.wrong(
                "update_mask",
                "only service, region, title, text, valid_from and valid_to can be changed",
            ),
        }
    }
    match id {
        Some(id) => {
            fields.finish()?;
            Ok((id, patch, body.etag))
        }
        None => Err(fields.refuse()),
    }
}

/// A withdrawal: of which fact, why, and what it must be like.
pub(super) fn withdraw(request: wire::WithdrawFactRequest) -> Result<(Uuid, String, String)> {
    let mut fields = Fields::default();
    let id = fields.named(own_name("name", &request.name));
    let reason = fields.reason("reason", &request.reason);
    match (id, reason) {
        (Some(id), Some(reason)) => Ok((id, reason, request.etag)),
        _ => Err(fields.refuse()),
    }
}

fn audience(fields: &mut Fields, audience: Option<&wire::FactAudience>) -> Option<Audience> {
    use wire::fact_audience::Audience as Wire;
    let field = "fact.audience";
    match audience.and_then(|one| one.audience.as_ref()) {
        Some(Wire::Everyone(_)) => Some(Audience::Everyone),
        Some(Wire::Service(service)) => fields
            .read("fact.audience.service", service.parse::<ServiceId>())
            .map(Audience::Service),
        Some(Wire::Tenant(tenant)) => fields
            .named(Name::parse_tenant("fact.audience.tenant", tenant))
            .map(Audience::Tenant),
        None => {
            // What is for whom is never left to a default.
            fields.wrong(field, "expected everyone, a service or a tenant");
            None
        }
    }
}

fn service(fields: &mut Fields, text: &str) -> Option<Option<ServiceId>> {
    match text {
        "" => Some(None),
        text => fields.read("fact.service", text.parse()).map(Some),
    }
}

fn region(fields: &mut Fields, text: &str) -> Option<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.len() > MAX_REGION || !text.chars().all(fits) {
        fields.wrong(
            "fact.region",
            "expected at most 63 letters, digits, hyphens, underscores and dots",
        );
        return None;
    }
    Some(text.to_owned())
}

fn title(fields: &mut Fields, text: &str) -> Option<String> {
    let title = fields.display_name("fact.title", text, "")?;
    if title.is_empty() {
        fields.wrong("fact.title", "expected what is stated, in some words");
        return None;
    }
    Some(title)
}

fn text(fields: &mut Fields, text: &str) -> Option<String> {
    let text = text.trim();
    let harmful = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.is_empty() || text.chars().count() > MAX_TEXT || text.contains(harmful) {
        fields.wrong(
            "fact.text",
            "expected 1 to 8,192 characters of text without control characters",
        );
        return None;
    }
    Some(text.to_owned())
}

/// A fact as it is told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) fact: Fact,
    /// As whose it is named.
    pub(super) tenant: Option<TenantId>,
    /// For when it is said how it stands.
    pub(super) at: Timestamp,
}

/// The message that shows it; lists leave the text out.
pub(super) fn encode(told: Disclosed<Told>, with_text: bool) -> wire::Fact {
    use wire::fact::State as Wire;
    use wire::fact_audience::Audience as For;
    let Told { fact, tenant, at } = told.into_wire();
    let state = match fact.state(at) {
        State::Upcoming => Wire::Upcoming,
        State::Current => Wire::Current,
        State::Expired => Wire::Expired,
        State::Withdrawn => Wire::Withdrawn,
    };
    let audience = match fact.audience {
        Audience::Everyone => For::Everyone(wire::EveryTenant {}),
        Audience::Service(service) => For::Service(service.to_string()),
        Audience::Tenant(tenant) => For::Tenant(Name::Tenant(tenant).to_string()),
    };
    let statement = fact.statement;
    let time = |nanos| wire_time(timestamp(nanos));
    wire::Fact {
        name: name(tenant, fact.id).to_string(),
        kind: kind(fact.kind),
        service: statement
            .service
            .map_or_else(String::new, |one| one.to_string()),
        region: statement.region,
        title: statement.title,
        text: match with_text {
            true => statement.text,
            false => String::new(),
        },
        audience: Some(wire::FactAudience {
            audience: Some(audience),
        }),
        valid_from: statement.valid_from.map(time),
        valid_to: statement.valid_to.map(time),
        state: state.into(),
        version: fact.version,
        publish_time: Some(wire_time(fact.published)),
        publisher: fact.publisher,
        withdraw_reason: fact.withdrawn.unwrap_or_default(),
        etag: fact.etag,
    }
}

/// The fact's name to a tenant's people, and to staff.
pub(super) fn name(tenant: Option<TenantId>, id: Uuid) -> Name {
    match tenant {
        Some(tenant) => Name::TenantFact(tenant, id),
        None => Name::Fact(id),
    }
}
