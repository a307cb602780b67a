//! Cloud Audit Logs of Google Cloud: whose they are and what is searched in them.
//!
//! A record is a [LogEntry] whose `protoPayload` is an [AuditLog], as log sinks, the API
//! and BigQuery exports write it. No field of it names a customer outright. The log's name
//! and the resource's labels name a project, folder, organisation or billing account; a
//! robot that called, or that lent its rights to the caller, names its project by its
//! address. A project has two names, its id and its number, and either may stand in a
//! record: both are registered as accounts.
//!
//! Anybody who may write logs chooses nearly all of an entry, the resource's labels
//! included, but not a log's name that begins with `cloudaudit.googleapis.com`: it is
//! Google's own. So an entry of any other log is no record of this type. It is refused,
//! and kept among the dead letters.
//!
//! A call that takes long is logged twice, when it begins and when it has ended, with one
//! `operation.id`. The two are two events: the first has the request, the last the outcome,
//! and either may come without the other. The id is among the resources of both, by which
//! they are found together, and is the `correlation_uid` of both in OCSF; the event that
//! begins has no outcome yet.
//!
//! [LogEntry]: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry
//! [AuditLog]: https://cloud.google.com/logging/docs/reference/audit/auditlog/rest/Shared.Types/AuditLog

mod classes;

use serde_json::Value;

use crate::attribute::Reject;
use crate::cloud::fields::{at, column, each, first, number, resource, text};
use crate::cloud::read::attribute_in;
use crate::cloud::setting::Setting;
use crate::cloud::{Cloud, learn};
use crate::credential;
use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::ocsf_native::json::{Source, clip, time_of_text};
use crate::row::{Attributed, EventRow, SourceType, Status};
use crate::view::Known;

/// What Google's own audit logs are called, behind their container.
const AUDIT_LOG: &str = "cloudaudit.googleapis.com";

const SOURCE: Source = Source {
    source_type: SourceType::GcpAudit,
    time,
    event_id: |entry| text(entry, "insertid"),
    operation: |entry| {
        payload(entry)
            .and_then(|call| text(call, "methodname"))
            .unwrap_or_default()
    },
    hints,
    columns,
};

pub(crate) const SETTING: Setting<'static> = Setting {
    cloud: Cloud::Google,
    check,
    account,
    ..Setting::PLAIN
};

/// Rows for the tenants that an entry concerns; see [`crate::attribute()`].
///
/// # Errors
///
/// [`Reject`] if the entry can't be read or is of no Cloud Audit log.
pub fn attribute<D, N>(
    record: &[u8],
    observed_ns: i64,
    directory: &D,
    names: &N,
) -> Result<Attributed<D::Tenant>, Reject>
where
    D: Directory,
    N: Names<Tenant = D::Tenant>,
{
    attribute_in(&SOURCE, &SETTING, record, observed_ns, directory, names)
}

/// The call itself, by the name that log sinks or BigQuery exports give it.
pub(crate) fn payload(entry: &Value) -> Option<&Value> {
    ["protopayload", "protopayloadauditlog"]
        .into_iter()
        .find_map(|key| at(entry, key))
        .filter(|call| call.is_object())
}

fn check(entry: &Value) -> Result<(), Reject> {
    let wrong = |what| Err(Reject::new(Reject::MALFORMED, what));
    if payload(entry).is_none() {
        return wrong("the log entry has no audit log in protoPayload");
    }
    match at(entry, "logname") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(name)) if is_audit_log(name) => Ok(()),
        Some(_) => wrong("the log entry is of no log of cloudaudit.googleapis.com"),
    }
}

/// Whether the log is one that nobody but Google can write to.
fn is_audit_log(name: &str) -> bool {
    let mut steps = name.splitn(3, '/').skip(2);
    let Some(log) = steps.next() else {
        return false;
    };
    let log = log.strip_prefix("logs/").unwrap_or(log);
    log.strip_prefix(AUDIT_LOG).is_some_and(|kind| {
        kind.starts_with("%2F") || kind.starts_with("%2f") || kind.starts_with('/')
    })
}

/// The account that a field of the party table names. People have no account: nobody can
/// say whose they are.
fn account(_: &Value, path: &str, text: &str) -> Option<String> {
    let cloud = Cloud::Google;
    if let Some(container) = path.rsplit('.').next().and_then(|label| match label {
        "organization_id" => Some("organizations"),
        "folder_id" => Some("folders"),
        "billing_account_id" => Some("billingAccounts"),
        _ => None,
    }) {
        return cloud.account(&format!("{container}.{}", identity::party_account(text)?));
    }
    if path.ends_with("project_id") {
        return cloud.account(text);
    }
    let bare = text.strip_prefix("serviceAccount:").unwrap_or(text);
    if let Some((local, domain)) = bare.split_once('@').filter(|_| !bare.contains('/')) {
        return cloud.mail_account(local, domain);
    }
    // A workload of another cloud is the project's whose pool let it in.
    let path = match text.split_once("//iam.googleapis.com/") {
        Some(("principal" | "principalSet" | "principal:" | "principalSet:", path)) => path,
        _ => text,
    };
    cloud
        .path(path)
        .filter(|(start, _)| *start == 0)
        .and_then(|(_, path)| cloud.path_account(&path))
}

fn time(entry: &Value) -> Option<i64> {
    ["timestamp", "receivetimestamp"]
        .into_iter()
        .find_map(|path| time_of_text(text(entry, path)?))
}

/// A bucket has no project in its path: it is that of the resource's labels.
fn hints(entry: &Value, owns: &mut dyn FnMut(&str) -> bool, known: &mut Known) {
    learn(Cloud::Google, entry, owns, known);
    let Some(bucket) = text(entry, "resource.labels.bucketname") else {
        return;
    };
    let project = text(entry, "resource.labels.projectid").and_then(|id| Cloud::Google.account(id));
    if project.is_some_and(|id| owns(&id)) {
        known.own(bucket);
        known.own(&format!("projects/_/buckets/{bucket}"));
    } else {
        known.stranger(Kind::Resource, bucket, bucket);
    }
}

/// How far the call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It was done when it was logged.
    Whole,
    /// It goes on, and another record tells how it ends.
    Begun,
}

fn phase(entry: &Value) -> Phase {
    let said = |key: &str| at(entry, key).and_then(Value::as_bool) == Some(true);
    if said("operation.first") && !said("operation.last") {
        Phase::Begun
    } else {
        Phase::Whole
    }
}

/// How it ended, by [google.rpc.Status](https://cloud.google.com/apis/design/errors): a code
/// other than 0 is an error, and no status is none. A permission that was not granted fails
/// the call whatever the status is.
fn status(entry: &Value, call: &Value) -> Status {
    let refused = each(call, "authorizationinfo").any(|one| {
        matches!(at(one, "granted"), Some(Value::Bool(false)))
            || text(one, "granted") == Some("false")
    });
    match number(call, "status.code") {
        Some(code) if code != 0 => Status::Failure,
        _ if refused => Status::Failure,
        _ if phase(entry) == Phase::Begun => Status::Unknown,
        _ => Status::Success,
    }
}

/// OCSF's severity of a [LogSeverity].
///
/// [LogSeverity]: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#logseverity
fn severity_id(entry: &Value) -> i32 {
    match text(entry, "severity") {
        Some("WARNING") => 2,
        Some("ERROR") => 3,
        Some("CRITICAL" | "ALERT") => 5,
        Some("EMERGENCY") => 6,
        _ => 1,
    }
}

fn columns(entry: &Value, row: &mut EventRow) {
    let nothing = Value::Null;
    let call = payload(entry).unwrap_or(&nothing);
    row.service = column(call, &["servicename"]);
    row.operation = column(call, &["methodname"]);
    (row.class_uid, row.activity_id) = classes::class_of(&row.service, &row.operation);
    row.severity_id = severity_id(entry);
    row.status = status(entry, call);
    if let Some(failed) = classes::login_outcome(&row.service, &row.operation) {
        row.status = failed;
    }
    row.account = container(entry).map(clip).unwrap_or_default();
    row.region = region(entry, call).map(clip).unwrap_or_default();
    row.actor = column(
        call,
        &[
            "authenticationinfo.principalemail",
            "authenticationinfo.principalsubject",
        ],
    );
    row.credential_uid = credential::of_gcp(call);
    row.src_ip = text(call, "requestmetadata.callerip").and_then(identity::parse_address);
    resource(row, text(call, "resourcename"));
    for one in each(call, "authorizationinfo") {
        resource(row, text(one, "resource"));
    }
    resource(row, text(entry, "operation.id"));
}

/// The project in which it happened, or the container that the log is of
/// (`organizations/123`).
pub(crate) fn container(entry: &Value) -> Option<&str> {
    let log = || {
        let name = text(entry, "logname")?;
        let mut slashes = name.match_indices('/').map(|(at, _)| at);
        let end = slashes.nth(1).unwrap_or(name.len());
        let container = name.get(..end)?;
        Some(container.strip_prefix("projects/").unwrap_or(container))
    };
    text(entry, "resource.labels.projectid").or_else(log)
}

/// Where it happened. A zone's region is its name without the last letter.
pub(crate) fn region<'v>(entry: &'v Value, call: &'v Value) -> Option<&'v str> {
    let labels = [
        "resource.labels.location",
        "resource.labels.region",
        "resource.labels.zone",
    ];
    let place =
        first(entry, &labels).or_else(|| text(call, "resourcelocation.currentlocations.0"))?;
    Some(match place.rsplit_once('-') {
        Some((region, zone)) if zone.len() == 1 && region.contains('-') => region,
        _ => place,
    })
}
