//! Between messages and the provider's incidents.

use std::collections::BTreeSet;

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::incidents as wire;
use uuid::Uuid;

use super::super::convert::{
    MAX_TEXT, MAX_TITLE, finished, line, marking, needed, prose, severity_from, word,
};
use super::super::convert::{code_from, phase, severity, state, tlp};
use super::model::{Act, Opening, ProviderIncident, Whole};
use super::service::Order;
use crate::rooms::fields::{Fields, wire_time};

/// Most tenants of a call.
const MAX_TENANTS: usize = 1_000;

/// The incident of the provider's that a request names.
pub(super) fn name(name: &str) -> Result<Uuid> {
    match Name::parse("name", name)? {
        Name::ProviderIncident(id) => Ok(id),
        _ => Err(Error::invalid(
            "name",
            "expected providerIncidents/{incident}",
        )),
    }
}

fn tenants(fields: &mut Fields, names: &[String]) -> Option<Vec<TenantId>> {
    if names.is_empty() || names.len() > MAX_TENANTS {
        fields.wrong("tenants", format!("expected 1 to {MAX_TENANTS} tenants"));
        return None;
    }
    let mut tenants = BTreeSet::new();
    for (at, name) in names.iter().enumerate() {
        let field = format!("tenants[{at}]");
        tenants.insert(fields.named(Name::parse_tenant(&field, name))?);
    }
    Some(tenants.into_iter().collect())
}

pub(super) fn create(request: wire::CreateProviderIncidentRequest) -> Result<Order> {
    let mut fields = Fields::default();
    let body = request.provider_incident.unwrap_or_default();
    let title = line(
        &mut fields,
        "provider_incident.title",
        &body.title,
        MAX_TITLE,
    );
    let field = "provider_incident.description";
    let description = prose(&mut fields, field, &body.description, MAX_TEXT);
    let severity = severity_from(body.severity);
    let severity = word(&mut fields, "provider_incident.severity", severity);
    let tlp = marking(&mut fields, "provider_incident.tlp", body.tlp);
    let tenants = tenants(&mut fields, &request.tenants);
    match (title, description, severity, tlp, tenants) {
        (Some(title), Some(description), Some(severity), Some(tlp), Some(tenants)) => {
            let opening = Opening {
                title,
                description,
                severity,
                tlp,
            };
            fields.finish().map(|()| Order::Open(opening, tenants))
        }
        _ => Err(fields.refuse()),
    }
}

pub(super) fn add(request: &wire::AddProviderIncidentTenantsRequest) -> Result<Order> {
    let mut fields = Fields::default();
    let id = fields.named(name(&request.name));
    let tenants = tenants(&mut fields, &request.tenants);
    let order = id.zip(tenants).map(|(id, tenants)| Order::Add(id, tenants));
    finished(fields, order)
}

pub(super) fn notice(request: &wire::PostProviderNoticeRequest) -> Result<Order> {
    let mut fields = Fields::default();
    let id = fields.named(name(&request.name));
    let text = prose(&mut fields, "text", &request.text, MAX_TEXT);
    if text.as_ref().is_some_and(String::is_empty) {
        fields.wrong("text", "say something");
    }
    let order = id.zip(text).map(|(id, text)| Order::Notice(id, text));
    finished(fields, order)
}

pub(super) fn close(request: &wire::CloseProviderIncidentRequest) -> Result<Order> {
    let mut fields = Fields::default();
    let id = fields.named(name(&request.name));
    let code = word(&mut fields, "code", code_from(request.code));
    let reason = needed(&mut fields, "reason", &request.reason);
    let act = code.zip(reason);
    let act = act.map(|(code, reason)| Act::Closed { code, reason });
    finished(fields, id.zip(act).map(|(id, act)| Order::Close(id, act)))
}

/// The message of a list.
pub(super) fn incident(incident: Disclosed<ProviderIncident>) -> wire::ProviderIncident {
    head(incident.into_wire())
}

fn head(incident: ProviderIncident) -> wire::ProviderIncident {
    wire::ProviderIncident {
        name: Name::ProviderIncident(incident.id).to_string(),
        title: incident.opening.title,
        description: incident.opening.description,
        severity: severity(incident.opening.severity),
        tlp: tlp(incident.opening.tlp),
        state: state(incident.state),
        opened_by: incident.opened_by,
        create_time: Some(wire_time(incident.created)),
        update_time: Some(wire_time(incident.updated)),
        children: Vec::new(),
        notices: Vec::new(),
    }
}

/// The message with all there is of one.
pub(super) fn whole(whole: Disclosed<Whole>) -> wire::ProviderIncident {
    let whole = whole.into_wire();
    let last = whole.head();
    let children = whole.children.into_iter().map(|child| {
        let incident = child
            .incident
            .map(|id| Name::Incident(child.tenant.clone(), id));
        wire::provider_incident::Child {
            tenant: Name::Tenant(child.tenant).to_string(),
            incident: incident.map_or_else(String::new, |name| name.to_string()),
            state: child.stands.map_or(0, |(stands, _)| state(stands)),
            phase: child.stands.map_or(0, |(_, stands)| phase(stands)),
            complete: child.done >= last,
        }
    });
    let notices = whole.acts.into_iter().filter_map(|kept| {
        let text = match kept.act {
            Act::Opened(_) => return None,
            Act::Noticed { text } | Act::Closed { reason: text, .. } => text,
        };
        Some(wire::provider_incident::Notice {
            text,
            author: kept.by,
            create_time: Some(wire_time(kept.time)),
        })
    });
    wire::ProviderIncident {
        children: children.collect(),
        notices: notices.collect(),
        ..head(whole.incident)
    }
}
