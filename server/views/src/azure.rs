//! Azure's activity log and the logs of its resources: whose they are and what is searched
//! in them.
//!
//! Three forms are read: that of the [REST API], in which words are objects (`{"value": …,
//! "localizedValue": …}`), that of [diagnostic settings], in which they are text, and the
//! columns of a Log Analytics table, where whole objects are JSON inside of text. Keys are
//! compared without case and underscores, as SDKs and exports spell each in a way of their
//! own.
//!
//! Two accounts concern an event: the subscription, which stands in the resource's id
//! (`azure:{subscription}`), and directories (`entra:{directory}`): the one that the
//! subscription trusts, and the caller's, by the claims of the token that Azure checked.
//! Where a managed service provider works in its customer's subscription they differ. A
//! customer whose directory is not registered has its own people for strangers, so that
//! both are to be registered. What the caller sent (`properties`) names nobody as a party.
//!
//! A call that takes long is several records (`Started`, `Accepted`, `Succeeded`), each an
//! event of its own; OCSF's `correlation_uid` joins them, and only the last has an outcome.
//!
//! [REST API]: https://learn.microsoft.com/rest/api/monitor/activity-logs/list
//! [diagnostic settings]: https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema

mod classes;
pub mod signin;

use serde_json::Value;

use crate::attribute::Reject;
use crate::cloud::fields::{at, first, number, resource, text};
use crate::cloud::read::attribute_in;
use crate::cloud::setting::Setting;
use crate::cloud::{Cloud, learn};
use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::ocsf_native::json::{Source, clip, time_of_text};
use crate::row::{Attributed, EventRow, SourceType, Status};
use crate::view::Known;

const SOURCE: Source = Source {
    source_type: SourceType::AzureActivity,
    time: |event| {
        first_time(
            event,
            &[
                "time",
                "eventtimestamp",
                "timegenerated",
                "submissiontimestamp",
            ],
        )
    },
    event_id: |event| first(event, &["eventdataid", "properties.eventdataid", "id"]),
    operation: |event| operation(event).unwrap_or_default(),
    hints,
    columns,
};

pub(crate) const SETTING: Setting<'static> = Setting {
    cloud: Cloud::Azure,
    nested: &[
        &["properties"],
        &["properties", "requestbody"],
        &["properties", "responsebody"],
        &["authorization"],
        &["claims"],
        &["identity"],
        &["httprequest"],
    ],
    check,
    account,
    ..Setting::PLAIN
};

/// Claims by which callers are named, the most telling first.
pub(crate) const NAME_CLAIMS: [&str; 6] = [
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    "upn",
    "unique_name",
    "name",
];
/// The claim with the caller's id in its directory.
pub(crate) const ID_CLAIMS: [&str; 2] = [
    "http://schemas.microsoft.com/identity/claims/objectidentifier",
    "oid",
];
/// The claim with the caller's directory.
pub(crate) const DIRECTORY_CLAIMS: [&str; 2] = [
    "http://schemas.microsoft.com/identity/claims/tenantid",
    "tid",
];

/// Rows for the tenants that an event concerns; see [`crate::attribute()`].
///
/// # Errors
///
/// [`Reject`] if the event can't be read or names no operation.
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

fn check(event: &Value) -> Result<(), Reject> {
    match operation(event) {
        Some(_) => Ok(()),
        None => Err(Reject::new(
            Reject::MALFORMED,
            "the event has no operationName",
        )),
    }
}

/// A word: text, or an object that has it as `value`.
pub(crate) fn word<'v>(event: &'v Value, path: &str) -> Option<&'v str> {
    match at(event, path)? {
        Value::Object(_) => text(event, &format!("{path}.value")),
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn first_word<'v>(event: &'v Value, paths: &[&str]) -> Option<&'v str> {
    paths.iter().find_map(|path| word(event, path))
}

pub(crate) fn first_time(event: &Value, paths: &[&str]) -> Option<i64> {
    paths
        .iter()
        .find_map(|path| time_of_text(text(event, path)?))
}

fn operation(event: &Value) -> Option<&str> {
    first_word(event, &["operationname", "operationnamevalue"])
}

/// The claims of the caller's token.
pub(crate) fn claims(event: &Value) -> Option<&Value> {
    ["claims", "identity.claims", "claimsd"]
        .into_iter()
        .find_map(|path| at(event, path))
        .filter(|claims| claims.is_object())
}

/// The text of the first of the claims that is there. Claims' names have dots, and so are
/// no paths.
pub(crate) fn claim<'v>(event: &'v Value, names: &[&str]) -> Option<&'v str> {
    let claims = claims(event)?.as_object()?;
    names
        .iter()
        .find_map(|name| claims.get(*name)?.as_str())
        .filter(|text| !text.is_empty())
}

/// The account that a field of the party table names.
pub(crate) fn account(record: &Value, path: &str, text: &str) -> Option<String> {
    if path == "tenantId" && at(record, "timegenerated").is_some() {
        // In tables of Log Analytics that is the workspace and nobody's directory.
        return None;
    }
    if let Some((start, path)) = Cloud::Azure.path(text) {
        return Cloud::Azure.path_account(&path).filter(|_| start == 0);
    }
    let bare = identity::party_account(text).filter(|text| !text.contains('/'))?;
    let id = Cloud::Azure.account(bare)?;
    match path {
        "subscriptionId" => Some(id),
        "resourceId" => None,
        _ => id.strip_prefix("azure:").map(|id| format!("entra:{id}")),
    }
}

/// Names beside the caller's directory are of that directory.
fn hints(event: &Value, owns: &mut dyn FnMut(&str) -> bool, known: &mut Known) {
    learn(Cloud::Azure, event, owns, known);
    let directory = claim(event, &DIRECTORY_CLAIMS)
        .or_else(|| text(event, "identity.requester.tenantid"))
        .and_then(|id| account(event, "claims", id));
    let own = directory.as_ref().is_some_and(|id| owns(id));
    let mut told = |kind: Kind, name: Option<&str>| {
        let Some(name) = name.filter(|name| !identity::is_nobody(name)) else {
            return;
        };
        if own {
            known.own(name);
        } else {
            let scope = directory.as_deref().unwrap_or_default();
            known.stranger(kind, name, &format!("{scope}/{name}"));
        }
    };
    told(Kind::Name, text(event, "caller"));
    for claim_name in NAME_CLAIMS {
        told(Kind::Name, claim(event, &[claim_name]));
    }
    told(Kind::Principal, claim(event, &ID_CLAIMS));
    told(Kind::Principal, claim(event, &["appid"]));
    told(Kind::Principal, text(event, "identity.requester.objectid"));
    told(Kind::Name, text(event, "identity.requester.upn"));
}

/// How it ended: the words of the activity log, or the HTTP status of resource logs. A call
/// that was only started or accepted has no outcome yet.
fn status(event: &Value) -> Status {
    let said = first_word(
        event,
        &[
            "status",
            "activitystatusvalue",
            "resulttype",
            "activitystatus",
        ],
    );
    let code = || {
        number(event, "statuscode").map(|code| match code {
            ..=399 => Status::Success,
            _ => Status::Failure,
        })
    };
    match said.map(str::to_ascii_lowercase).as_deref() {
        Some("success" | "succeeded") => Status::Success,
        Some("failure" | "failed") => Status::Failure,
        Some("start" | "started" | "accept" | "accepted" | "in progress" | "inprogress") => {
            Status::Unknown
        }
        Some(_) => Status::Other,
        None => code().unwrap_or_default(),
    }
}

/// OCSF's severity of a level, which is a word or, as in ETW, a number.
pub(crate) fn severity_id(event: &Value) -> i32 {
    let level = at(event, "level");
    let level = match level {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.to_ascii_lowercase(),
        _ => String::new(),
    };
    match level.as_str() {
        "critical" | "1" => 5,
        "error" | "2" => 3,
        "warning" | "3" => 2,
        _ => 1,
    }
}

/// The subscription of the event, or the directory if it is of none.
pub(crate) fn subscription(event: &Value) -> Option<&str> {
    let of_path = |path: &str| {
        let (start, path) = Cloud::Azure.path(text(event, path)?)?;
        (start == 0 && !path.account.is_empty()).then_some(path.account)
    };
    text(event, "subscriptionid")
        .or_else(|| of_path("resourceid"))
        .or_else(|| text(event, "tenantid"))
}

/// The address without its port, and the port: resource logs write both.
pub(crate) fn address(text: &str) -> (&str, Option<u16>) {
    if identity::parse_address(text).is_some() {
        return (text, None);
    }
    match text.rsplit_once(':') {
        Some((ip, port)) => {
            let ip = ip.trim_matches(['[', ']']);
            match port.parse() {
                Ok(port) if identity::parse_address(ip).is_some() => (ip, Some(port)),
                _ => (text, None),
            }
        }
        None => (text, None),
    }
}

/// The provider of the operation (`Microsoft.Compute`), or that of the resource.
pub(crate) fn service(event: &Value) -> Option<&str> {
    let of_operation = || {
        let (provider, _) = operation(event)?.split_once('/')?;
        provider.contains('.').then_some(provider)
    };
    let of_resource = || {
        let id = text(event, "resourceid")?;
        let at = id.to_ascii_lowercase().rfind("/providers/")?;
        id.get(at + "/providers/".len()..)?.split('/').next()
    };
    first_word(event, &["resourceprovidername", "resourceprovidervalue"])
        .or_else(of_operation)
        .or_else(of_resource)
        .filter(|text| !text.is_empty())
}

/// Who called, by the most telling name.
pub(crate) fn caller(event: &Value) -> Option<&str> {
    text(event, "caller")
        .or_else(|| claim(event, &NAME_CLAIMS))
        .or_else(|| {
            first(
                event,
                &["identity.requester.upn", "identity.requester.objectid"],
            )
        })
        .or_else(|| claim(event, &ID_CLAIMS))
        .or_else(|| claim(event, &["appid"]))
}

fn columns(event: &Value, row: &mut EventRow) {
    let column = |text: Option<&str>| text.map(clip).unwrap_or_default();
    row.operation = column(operation(event));
    row.service = column(service(event));
    let created = first_word(event, &["substatus", "resultsignature", "statuscode"])
        .is_some_and(|text| text.starts_with("Created") || text.contains("201"));
    let category = first_word(event, &["category", "categoryvalue"]).unwrap_or_default();
    (row.class_uid, row.activity_id) = classes::class_of(&row.operation, category, created);
    row.severity_id = severity_id(event);
    row.status = status(event);
    row.account = column(subscription(event));
    row.region = column(first(event, &["location", "resourcelocation"]));
    row.actor = column(caller(event));
    let ends = first(
        event,
        &[
            "calleripaddress",
            "httprequest.clientipaddress",
            "claims.ipaddr",
        ],
    );
    if let Some((ip, port)) = ends.map(address) {
        row.src_ip = identity::parse_address(ip);
        row.src_port = port;
    }
    resource(row, text(event, "resourceid"));
    resource(
        row,
        first(
            event,
            &["authorization.scope", "identity.authorization.scope"],
        ),
    );
    resource(row, text(event, "uri"));
}
