//! From what was looked at to messages.

use cordon_kernel::{Disclosed, Name, TenantId};
use cordon_proto::readiness as wire;

use super::model::{Check, Item, State};
use super::service::Looked;
use crate::rooms::fields::wire_time;

/// The answer.
pub(super) fn encode(tenant: &TenantId, looked: Disclosed<Looked>) -> wire::CheckReadinessResponse {
    let looked = looked.into_wire();
    let items = looked
        .items
        .into_iter()
        .map(|item| encode_item(tenant, item));
    wire::CheckReadinessResponse {
        items: items.collect(),
        as_of_time: Some(wire_time(looked.as_of)),
    }
}

fn encode_item(tenant: &TenantId, item: Item) -> wire::ReadinessItem {
    use wire::readiness_item::State as Wire;
    let (check, subject) = match item.check {
        Check::Accounts => (wire::ReadinessCheck::Accounts, None),
        Check::Logging(service) => (wire::ReadinessCheck::Logging, service),
        Check::Agreement => (wire::ReadinessCheck::Agreement, None),
        Check::Contacts => (wire::ReadinessCheck::Contacts, None),
        Check::Rules => (wire::ReadinessCheck::Rules, None),
        Check::Containment => (wire::ReadinessCheck::Containment, None),
        Check::Context => (wire::ReadinessCheck::Context, None),
        Check::Exercise => (wire::ReadinessCheck::Exercise, None),
    };
    let state = match item.state {
        State::Ok => Wire::Ok,
        State::Attention => Wire::Attention,
        State::Unknown => Wire::Unknown,
    };
    let subject = subject.map(|service| Name::Service(tenant.clone(), service).to_string());
    wire::ReadinessItem {
        check: check.into(),
        subject: subject.unwrap_or_default(),
        state: state.into(),
        reason: item.reason,
        action: item.action,
    }
}
