//! Between messages and links.

use cordon_kernel::{Disclosed, Error, EventName, Name, Result, TenantId};
use cordon_proto::incidents as wire;
use uuid::Uuid;

use super::super::convert::{actor, incident_name};
use super::store::Link;
use crate::rooms::fields::{Fields, wire_time};

/// A link's tenant, incident and id.
pub(super) type Which = (TenantId, Uuid, Uuid);

/// What can be linked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    Event(EventName),
    Finding(Uuid),
}

/// A link to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewLink {
    pub(super) tenant: TenantId,
    pub(super) incident: Uuid,
    pub(super) to: Linked,
    pub(super) reason: String,
}

impl NewLink {
    /// The name of what is linked to.
    pub(super) fn resource(&self) -> Name {
        match self.to {
            Linked::Event(event) => Name::Event(self.tenant.clone(), event),
            Linked::Finding(finding) => Name::Finding(self.tenant.clone(), finding),
        }
    }
}

pub(super) fn new_link(request: wire::CreateLinkRequest) -> Result<NewLink> {
    let mut fields = Fields::default();
    let body = request.link.unwrap_or_default();
    let parent = fields.named(incident_name("parent", &request.parent));
    let reason = fields.reason("link.reason", &body.reason);
    let resource = fields.named(Name::parse("link.resource", &body.resource));
    let (Some((tenant, incident)), Some(reason), Some(resource)) = (parent, reason, resource)
    else {
        return Err(fields.refuse());
    };
    // Before anything is looked up, and whatever it is: another tenant's names are not for here.
    if resource.tenant() != Some(&tenant) {
        return Err(Error::permission_denied());
    }
    let to = match resource {
        Name::Event(_, event) => Linked::Event(event),
        Name::Finding(_, finding) => Linked::Finding(finding),
        _ => {
            return Err(Error::invalid(
                "link.resource",
                "events and findings can be linked now: expected tenants/{tenant}/events/{event} or \
                 tenants/{tenant}/findings/{finding}",
            ));
        }
    };
    Ok(NewLink {
        tenant,
        incident,
        to,
        reason,
    })
}

pub(super) fn link_name(name: &str) -> Result<Which> {
    match Name::parse("name", name)? {
        Name::Link(tenant, incident, id) => Ok((tenant, incident, id)),
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/incidents/{incident}/links/{link}",
        )),
    }
}

pub(super) fn link(tenant: &TenantId, link: Disclosed<Link>) -> wire::Link {
    let link = link.into_wire();
    wire::Link {
        name: Name::Link(tenant.clone(), link.incident, link.id).to_string(),
        resource: link.resource,
        reason: link.said.reason,
        actor: Some(actor(link.said.actor)),
        create_time: Some(wire_time(link.created)),
    }
}
