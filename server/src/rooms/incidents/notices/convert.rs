//! Between messages and subscriptions.

use cordon_kernel::{Disclosed, Error, Name, Result, TenantId};
use cordon_proto::incidents as wire;
use uuid::Uuid;
use wire::subscription::Target as WireTarget;

use super::super::convert::incident_name;
use super::super::model::{Severity, What};
use super::model::{
    Audience, Interest, NewSubscription, NewTarget, State, Subscription, Target, is_handle,
    report_name,
};
use super::outbox::REPORTED;
use super::service::Made;
use super::store::{Backlog, Delivery, Standing, Subject};
use crate::rooms::fields::{Fields, wire_time};
use crate::rooms::words::pairs;

/// Most kinds of entries that a subscription names.
const MAX_KINDS: usize = 40;

pairs!(Severity as wire::Severity: Sev1 Sev2 Sev3 Sev4; severity, severity_from);
pairs!(Audience as wire::Audience: Named Organization Clients Community; audience, audience_from);
pairs!(State as wire::subscription::State: Active Paused; state, _state_from);
pairs!(Standing as wire::delivery::State:
    Pending Delivered Redacted Withheld Dead; standing, standing_from);

/// The subscription that a request names in `field`.
pub(super) fn subscription_name(field: &str, name: &str) -> Result<(TenantId, Uuid)> {
    match Name::parse(field, name)? {
        Name::Subscription(tenant, id) => Ok((tenant, id)),
        _ => Err(Error::invalid(
            field,
            "expected tenants/{tenant}/subscriptions/{subscription}",
        )),
    }
}

/// The delivery that a request names in `name`.
pub(super) fn delivery_name(name: &str) -> Result<(TenantId, Uuid, i64)> {
    match Name::parse("name", name)? {
        Name::Delivery(tenant, id, seq) => {
            // No delivery has a number as large as does not fit.
            Ok((tenant, id, i64::try_from(seq).unwrap_or(i64::MAX)))
        }
        _ => Err(Error::invalid(
            "name",
            "expected tenants/{tenant}/subscriptions/{subscription}/deliveries/{delivery}",
        )),
    }
}

pub(super) fn create(
    request: wire::CreateSubscriptionRequest,
) -> Result<(TenantId, NewSubscription)> {
    let mut fields = Fields::default();
    let body = request.subscription.unwrap_or_default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let field = "subscription.display_name";
    let display_name = fields.display_name(field, &body.display_name, "");
    let audience = audience_from(body.audience);
    if audience.is_none() {
        fields.wrong("subscription.audience", "say who reads it there");
    }
    let interest = interest(&mut fields, tenant.as_ref(), &body);
    let target = match body.target {
        Some(WireTarget::Webhook(webhook)) => Some(NewTarget::Webhook(webhook.url.into())),
        Some(WireTarget::Mail(mail)) => Some(NewTarget::Mail(mail.address)),
        None => {
            fields.wrong(
                "subscription.target",
                "expected a webhook or a mail address",
            );
            None
        }
    };
    match (tenant, display_name, audience, interest, target) {
        (Some(tenant), Some(display_name), Some(audience), Some(interest), Some(target)) => {
            fields.finish()?;
            let new = NewSubscription {
                display_name,
                target,
                audience,
                interest,
            };
            Ok((tenant, new))
        }
        _ => Err(fields.refuse()),
    }
}

fn interest(
    fields: &mut Fields,
    tenant: Option<&TenantId>,
    body: &wire::Subscription,
) -> Option<Interest> {
    if body.kinds.len() > MAX_KINDS {
        fields.wrong(
            "subscription.kinds",
            format!("expected at most {MAX_KINDS}"),
        );
    }
    let mut kinds: Vec<String> = body.kinds.iter().take(MAX_KINDS).cloned().collect();
    let known = || What::KINDS.iter().copied().chain([REPORTED]);
    if !kinds.iter().all(|kind| known().any(|known| known == kind)) {
        let known = known().collect::<Vec<_>>().join(", ");
        fields.wrong("subscription.kinds", format!("expected of these: {known}"));
    }
    kinds.sort();
    kinds.dedup();
    // No set of words has as many.
    let severities = body.severities.iter().take(64);
    let severities: Vec<_> = severities.map(|number| severity_from(*number)).collect();
    let severities: Option<Vec<_>> = severities.into_iter().collect();
    if severities.is_none() {
        fields.wrong("subscription.severities", "expected values of this field");
    }
    let mut severities = severities?;
    severities.sort();
    severities.dedup();
    let incident = match body.incident.as_str() {
        "" => None,
        name => {
            let (of, id) = fields.named(incident_name("subscription.incident", name))?;
            if Some(&of) != tenant {
                fields.wrong("subscription.incident", "expected one of the tenant's");
            }
            Some(id)
        }
    };
    let mention = match body.mention.as_str() {
        "" => None,
        name if is_handle(name) && kinds.is_empty() => Some(name.to_owned()),
        _ => {
            let rule = "expected up to 64 letters, digits, dots and dashes, and no kinds beside it";
            fields.wrong("subscription.mention", rule);
            None
        }
    };
    let only_reports = kinds.iter().all(|kind| kind == REPORTED) && !kinds.is_empty();
    if only_reports && (incident.is_some() || !severities.is_empty()) {
        let rule = "reports are of all incidents, of whatever severity";
        fields.wrong("subscription.kinds", rule);
    }
    Some(Interest {
        kinds,
        severities,
        incident,
        mention,
    })
}

pub(super) fn standings(numbers: &[i32]) -> Result<Vec<Standing>> {
    let numbers = numbers.iter().take(64);
    let words: Option<Vec<_>> = numbers.map(|number| standing_from(*number)).collect();
    let mut words =
        words.ok_or_else(|| Error::invalid("states", "expected values of this field"))?;
    words.sort();
    words.dedup();
    Ok(words)
}

pub(super) fn subscription(found: Disclosed<(TenantId, Subscription)>) -> wire::Subscription {
    let (tenant, found) = found.into_wire();
    encode(&tenant, found)
}

pub(super) fn made(made: Disclosed<(TenantId, Made)>) -> (wire::Subscription, String) {
    let (tenant, made) = made.into_wire();
    let (subscription, secret) = made.into_parts();
    (encode(&tenant, subscription), secret)
}

fn encode(tenant: &TenantId, found: Subscription) -> wire::Subscription {
    let incident = found.interest.incident;
    let incident = incident.map(|id| Name::Incident(tenant.clone(), id).to_string());
    wire::Subscription {
        name: Name::Subscription(tenant.clone(), found.id).to_string(),
        display_name: found.display_name,
        target: Some(match found.target {
            Target::Webhook { origin, .. } => WireTarget::Webhook(wire::Webhook {
                url: String::new(),
                origin,
            }),
            Target::Mail { address } => WireTarget::Mail(wire::Mail { address }),
        }),
        audience: audience(found.audience),
        kinds: found.interest.kinds,
        severities: found
            .interest
            .severities
            .into_iter()
            .map(severity)
            .collect(),
        incident: incident.unwrap_or_default(),
        mention: found.interest.mention.unwrap_or_default(),
        state: state(found.state),
        create_time: Some(wire_time(found.created)),
        update_time: Some(wire_time(found.updated)),
        failures: i32::try_from(found.failures).unwrap_or(i32::MAX),
        next_attempt_time: found.next.map(wire_time),
        pending_count: found.pending,
        dead_count: found.dead,
        etag: found.etag,
    }
}

pub(super) fn delivery(found: Disclosed<(TenantId, Delivery)>) -> wire::Delivery {
    let (tenant, found) = found.into_wire();
    let number = |seq: i64| u64::try_from(seq).unwrap_or(0);
    let name = Name::Delivery(tenant.clone(), found.subscription, number(found.seq));
    let (timeline_entry, report) = match found.about {
        Subject::Entry { incident, seq } => {
            let entry = Name::TimelineEntry(tenant.clone(), incident, number(seq));
            (entry.to_string(), String::new())
        }
        Subject::Report(month) => (String::new(), report_name(&tenant, month)),
    };
    wire::Delivery {
        name: name.to_string(),
        id: found.id(&tenant),
        timeline_entry,
        report,
        state: standing(found.standing),
        create_time: Some(wire_time(found.created)),
        attempts: i32::try_from(found.attempts).unwrap_or(i32::MAX),
        attempt_time: found.attempted.map(wire_time),
        reason: found.reason,
        code: i32::try_from(found.code).unwrap_or(0),
    }
}

pub(super) fn backlog(found: Disclosed<Backlog>) -> wire::NoticeBacklog {
    let found = found.into_wire();
    wire::NoticeBacklog {
        tenant: Name::Tenant(found.tenant).to_string(),
        pending_count: found.pending,
        dead_count: found.dead,
        oldest_pending_time: found.oldest.map(wire_time),
    }
}
