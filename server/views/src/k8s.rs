//! Kubernetes audit events: whose they are and what is searched in them.
//!
//! An [event] does not say of which cluster it is, and whatever it does say a cluster's
//! owner could have written. So the source tells: the context of what it delivers is the
//! account of its cluster as it is registered, `k8s:prod-1`, or that of the cloud account
//! in which the cluster runs, `aws:123456789012`. A source has one cluster or delivers each
//! by itself. Azure's diagnostic settings wrap each event (`properties.log`) and name the
//! cluster's resource beside it, so that its subscription is a party without a context.
//! Without either the event is nobody's.
//!
//! A request is logged at several stages under one `auditID`; each is an event of its own,
//! whose id is that of the request and the stage, and OCSF's `correlation_uid` joins them.
//!
//! All entries of `sourceIPs` but the last are what the client says of itself in
//! `X-Forwarded-For`. The last is where the connection came from, and so the event's source.
//! The actor is who authenticated; whom it impersonates is among the resources.
//!
//! [event]: https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/

use serde_json::Value;

use crate::attribute::Reject;
use crate::cloud::Cloud;
use crate::cloud::read::attribute_in;
use crate::cloud::setting::Setting;
use crate::cloudtrail::{ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION};
use crate::directory::{Directory, Names};
use crate::identity;
use crate::ocsf_native::json::{Source, at, clip, number, text, time_of_text};
use crate::row::{Attributed, EventRow, SourceType, Status};
use crate::view::Known;

/// Every event tells that something happened, not how bad it is.
const INFORMATIONAL: i32 = 1;

/// What the `service` column says of the API group without a name.
const CORE: &str = "core";

const SOURCE: Source = Source {
    source_type: SourceType::K8sAudit,
    time,
    event_id: |record| text(body(record), "auditID"),
    operation: |record| text(body(record), "verb").unwrap_or_default(),
    hints: |_, _, _: &mut Known| {},
    columns,
};

pub(crate) const SETTING: Setting<'static> = Setting {
    cloud: Cloud::Azure,
    nested: &[&["properties"], &["properties", "log"]],
    check,
    event_id: Some(event_id),
    account: |_, _, text| {
        let (start, path) = Cloud::Azure.path(text)?;
        Cloud::Azure.path_account(&path).filter(|_| start == 0)
    },
    ..Setting::PLAIN
};

/// Rows for the tenants that an event concerns; see [`crate::attribute()`]. `context` is
/// the account of the cluster.
///
/// # Errors
///
/// [`Reject`] if the event can't be read, is no audit event, or the context is no account.
pub fn attribute<D, N>(
    record: &[u8],
    context: Option<&str>,
    observed_ns: i64,
    directory: &D,
    names: &N,
) -> Result<Attributed<D::Tenant>, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    let setting = SETTING.told(context)?;
    attribute_in(&SOURCE, &setting, record, observed_ns, directory, names)
}

/// The event itself, which diagnostic settings of Azure wrap.
pub(crate) fn body(record: &Value) -> &Value {
    wrapped(record).unwrap_or(record)
}

/// The event that is wrapped, if it is.
pub(crate) fn wrapped(record: &Value) -> Option<&Value> {
    at(record, "properties.log").filter(|log| log.is_object() && record.get("kind").is_none())
}

/// Other objects are of the kind `Event` too. Some log stores leave the API group out; of
/// those without one only audit events have a verb.
fn check(record: &Value) -> Result<(), Reject> {
    let event = body(record);
    let audit = match text(event, "apiVersion") {
        Some(version) => version.starts_with("audit.k8s.io/"),
        None => text(event, "verb").is_some(),
    };
    if text(event, "kind") == Some("Event") && audit {
        return Ok(());
    }
    Err(Reject::new(
        Reject::MALFORMED,
        "the record is no event of audit.k8s.io",
    ))
}

/// When the request came to the stage that the event tells of.
fn time(record: &Value) -> Option<i64> {
    let event = body(record);
    ["stageTimestamp", "requestReceivedTimestamp", "timestamp"]
        .into_iter()
        .find_map(|path| time_of_text(text(event, path)?))
        .or_else(|| time_of_text(text(record, "time")?))
}

fn event_id(record: &Value) -> Option<String> {
    let event = body(record);
    let id = text(event, "auditID")?;
    Some(match text(event, "stage") {
        Some(stage) => format!("{id}/{stage}"),
        None => id.to_owned(),
    })
}

/// How it ended, by the HTTP status; a stage before the last has none.
fn status(event: &Value) -> Status {
    match number(event, "responseStatus.code") {
        Some(..=399) => Status::Success,
        Some(_) => Status::Failure,
        None if text(event, "responseStatus.status") == Some("Failure")
            || text(event, "stage") == Some("Panic") =>
        {
            Status::Failure
        }
        None if text(event, "responseStatus.status") == Some("Success") => Status::Success,
        None => Status::Unknown,
    }
}

/// The resource with its part: `pods/exec`.
fn kind(event: &Value) -> Option<String> {
    let resource = text(event, "objectRef.resource")?;
    Some(match text(event, "objectRef.subresource") {
        Some(part) => format!("{resource}/{part}"),
        None => resource.to_owned(),
    })
}

/// OCSF class and activity. As with other clouds, what hands out a session is a logon, and
/// what binds a role is a policy that is attached.
fn class_of(event: &Value) -> (i32, i32) {
    let verb = text(event, "verb").unwrap_or_default();
    let kind = kind(event).unwrap_or_default();
    match (verb, kind.as_str()) {
        ("create", "serviceaccounts/token") => return (AUTHENTICATION, 1),
        ("create", "serviceaccounts") => return (ACCOUNT_CHANGE, 1),
        ("delete", "serviceaccounts") => return (ACCOUNT_CHANGE, 6),
        ("create", "rolebindings" | "clusterrolebindings") => return (ACCOUNT_CHANGE, 7),
        ("delete", "rolebindings" | "clusterrolebindings") => return (ACCOUNT_CHANGE, 8),
        _ => {}
    }
    let activity = match verb {
        "create" | "post" => 1,
        "get" | "list" | "watch" | "head" | "options" | "proxy" => 2,
        "update" | "patch" | "put" => 3,
        "delete" | "deletecollection" => 4,
        _ => 99,
    };
    (API_ACTIVITY, activity)
}

/// Where the connection came from: the last of the addresses, as a client can't choose it.
pub(crate) fn source(event: &Value) -> Option<&str> {
    event.get("sourceIPs")?.as_array()?.last()?.as_str()
}

fn columns(record: &Value, row: &mut EventRow) {
    let event = body(record);
    let column = |path: &str| text(event, path).map(clip).unwrap_or_default();
    (row.class_uid, row.activity_id) = class_of(event);
    row.severity_id = INFORMATIONAL;
    row.status = status(event);
    if row.account.is_empty()
        && let Some((_, path)) = text(record, "resourceId").and_then(|id| Cloud::Azure.path(id))
    {
        row.account = clip(path.account);
    }
    row.region = text(record, "location").map(clip).unwrap_or_default();
    row.service = match text(event, "objectRef.apiGroup") {
        Some(group) => clip(group),
        None if event.get("objectRef").is_some_and(Value::is_object) => CORE.to_owned(),
        None => String::new(),
    };
    let verb = column("verb");
    row.operation = match kind(event) {
        Some(kind) => clip(&format!("{verb} {kind}")),
        None => verb,
    };
    row.actor = column("user.username");
    row.src_ip = source(event).and_then(identity::parse_address);
    row.resources = resources(event);
}

/// What it was done to: its path in the API, its name, and whom the actor was for it.
fn resources(event: &Value) -> Vec<String> {
    let path = text(event, "requestURI").map(|uri| uri.split('?').next().unwrap_or(uri));
    let mut out: Vec<String> = Vec::new();
    for name in [
        path,
        text(event, "objectRef.name"),
        text(event, "impersonatedUser.username"),
    ] {
        let name = name.map(clip).filter(|name| !name.is_empty());
        out.extend(name.filter(|name| !out.contains(name)));
    }
    out
}
