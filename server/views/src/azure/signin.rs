//! Sign-in and audit logs of Entra ID: whose they are and what is searched in them.
//!
//! Three forms are read: what [diagnostic settings] export (the event is in `properties`),
//! what the [Graph API] answers (the event by itself), and rows of Log Analytics.
//!
//! A directory is an account, `entra:{directory}`. The log is that of one directory; who
//! signs in has a home directory, and what is signed in to has one too. Where a guest comes
//! from another organisation the two differ, and each gets a view: the home learns where
//! its people go, the host who comes, and neither sees the other's names.
//!
//! [diagnostic settings]: https://learn.microsoft.com/entra/identity/monitoring-health/concept-diagnostic-settings-logs-options
//! [Graph API]: https://learn.microsoft.com/graph/api/resources/signin

use serde_json::Value;

use super::{account, classes, first_time, severity_id};
use crate::attribute::Reject;
use crate::cloud::fields::{at, each, number, resource, text};
use crate::cloud::read::attribute_in;
use crate::cloud::setting::Setting;
use crate::cloud::{Cloud, learn};
use crate::cloudtrail::AUTHENTICATION;
use crate::directory::{Directory, Kind, Names};
use crate::identity;
use crate::ocsf_native::json::{Source, clip};
use crate::row::{Attributed, EventRow, SourceType, Status};
use crate::view::Known;

/// OCSF's *Logon*.
const LOGON: i32 = 1;

/// What exports call a sign-in; the Graph API gives it no name.
const SIGN_IN: &str = "Sign-in activity";

const SOURCE: Source = Source {
    source_type: SourceType::AzureSignIn,
    time: |event| {
        first_time(event, &["time", "timegenerated"])
            .or_else(|| field_time(event, &["createddatetime", "activitydatetime"]))
    },
    event_id: |event| field(event, "id"),
    operation,
    hints,
    columns,
};

pub(crate) const SETTING: Setting<'static> = Setting {
    cloud: Cloud::Azure,
    nested: &[
        &["properties"],
        &["initiatedby"],
        &["locationdetails"],
        &["devicedetail"],
        &["status"],
        &["properties", "initiatedby"],
        &["properties", "status"],
    ],
    check,
    account,
    ..Setting::PLAIN
};

/// Rows for the tenants that an event concerns; see [`crate::attribute()`].
///
/// # Errors
///
/// [`Reject`] if the event can't be read or is neither a sign-in nor an audit event.
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

/// The value of a field of the event, which exports have in `properties`.
fn value<'v>(event: &'v Value, path: &str) -> Option<&'v Value> {
    at(event, "properties")
        .and_then(|inner| at(inner, path))
        .filter(|value| !value.is_null())
        .or_else(|| at(event, path))
}

/// The text of a field of the event.
pub(crate) fn field<'v>(event: &'v Value, path: &str) -> Option<&'v str> {
    let inner = at(event, "properties").and_then(|inner| text(inner, path));
    inner.or_else(|| text(event, path))
}

fn first_field<'v>(event: &'v Value, paths: &[&str]) -> Option<&'v str> {
    paths.iter().find_map(|path| field(event, path))
}

fn field_time(event: &Value, paths: &[&str]) -> Option<i64> {
    paths
        .iter()
        .find_map(|path| crate::ocsf_native::json::time_of_text(field(event, path)?))
}

/// Whether somebody signed in; what else the log has are changes of the directory.
pub(crate) fn is_sign_in(event: &Value) -> bool {
    let says = |path: &str| {
        text(event, path).is_some_and(|kind| {
            let kind = kind.to_ascii_lowercase();
            kind.ends_with("signinlogs") || kind == "sign-in activity"
        })
    };
    says("category")
        || says("type")
        || says("operationname")
        || (field(event, "createddatetime").is_some()
            && value(event, "initiatedby").is_none()
            && value(event, "activitydisplayname").is_none())
}

fn check(event: &Value) -> Result<(), Reject> {
    let names = ["operationname", "activitydisplayname", "createddatetime"];
    match first_field(event, &names) {
        Some(_) => Ok(()),
        None => Err(Reject::new(
            Reject::MALFORMED,
            "the event is neither a sign-in nor an audit event of Entra ID",
        )),
    }
}

fn operation(event: &Value) -> &str {
    if is_sign_in(event) {
        return text(event, "operationname").unwrap_or(SIGN_IN);
    }
    first_field(event, &["activitydisplayname", "operationname"]).unwrap_or_default()
}

/// The directory whose log it is.
pub(crate) fn directory_of(event: &Value) -> Option<&str> {
    let of_path = || {
        let (_, path) = Cloud::Azure.path(text(event, "resourceid")?)?;
        (!path.account.is_empty()).then_some(path.account)
    };
    let of_field = || {
        let analytics = at(event, "timegenerated").is_some();
        field(event, "tenantid").filter(|_| !analytics)
    };
    of_field()
        .or_else(of_path)
        .or_else(|| text(event, "aadtenantid"))
        .or_else(|| field(event, "resourcetenantid"))
}

/// Names of who signed in are of the home directory.
fn hints(event: &Value, owns: &mut dyn FnMut(&str) -> bool, known: &mut Known) {
    learn(Cloud::Azure, event, owns, known);
    let home = first_field(event, &["hometenantid", "initiatedby.user.hometenantid"])
        .and_then(|id| account(event, "homeTenantId", id));
    let Some(home) = home else { return };
    let own = owns(&home);
    for (kind, path) in [
        (Kind::Name, "userprincipalname"),
        (Kind::Name, "userdisplayname"),
        (Kind::Name, "signinidentifier"),
        (Kind::Name, "initiatedby.user.userprincipalname"),
        (Kind::Name, "initiatedby.user.displayname"),
        (Kind::Principal, "userid"),
        (Kind::Principal, "initiatedby.user.id"),
        (Kind::Principal, "serviceprincipalid"),
        (Kind::Name, "serviceprincipalname"),
    ] {
        let Some(name) = field(event, path).filter(|name| !identity::is_nobody(name)) else {
            continue;
        };
        if own {
            known.own(name);
        } else {
            known.stranger(kind, name, &format!("{home}/{name}"));
        }
    }
    // Exports repeat the display name.
    if !own && let Some(name) = text(event, "identity") {
        known.stranger(Kind::Name, name, &format!("{home}/{name}"));
    }
}

/// The [error code](https://learn.microsoft.com/entra/identity-platform/reference-error-codes)
/// of a sign-in; 0 if it went through.
pub(crate) fn error_code(event: &Value) -> Option<i64> {
    let code = at(event, "properties").and_then(|inner| number(inner, "status.errorcode"));
    code.or_else(|| number(event, "status.errorcode"))
        .or_else(|| number(event, "resulttype"))
}

fn status(event: &Value) -> Status {
    if is_sign_in(event)
        && let Some(code) = error_code(event)
    {
        return if code == 0 {
            Status::Success
        } else {
            Status::Failure
        };
    }
    let said = first_field(event, &["result", "resulttype", "resultsignature"]);
    match said.map(str::to_ascii_lowercase).as_deref() {
        Some("success" | "succeeded" | "0") => Status::Success,
        Some("failure" | "failed" | "timeout") => Status::Failure,
        None | Some("none" | "unknownfuturevalue") => Status::Unknown,
        Some(_) => Status::Other,
    }
}

/// OCSF's severity: the risk that Entra saw in the sign-in, or the level of the event.
fn risk(event: &Value) -> i32 {
    match field(event, "risklevelduringsignin") {
        Some("high") => 4,
        Some("medium") => 3,
        Some("low") => 2,
        _ => severity_id(event),
    }
}

/// Fields that name who signed in or changed something, the most telling first.
pub(crate) const ACTOR: [&str; 9] = [
    "userprincipalname",
    "serviceprincipalname",
    "initiatedby.user.userprincipalname",
    "initiatedby.app.displayname",
    "initiatedby.app.serviceprincipalid",
    "serviceprincipalid",
    "userid",
    "initiatedby.user.id",
    "identity",
];

/// Where it came from.
pub(crate) fn source(event: &Value) -> Option<&str> {
    text(event, "calleripaddress")
        .or_else(|| first_field(event, &["ipaddress", "initiatedby.user.ipaddress"]))
}

fn columns(event: &Value, row: &mut EventRow) {
    let column = |text: Option<&str>| text.map(clip).unwrap_or_default();
    row.operation = clip(operation(event));
    (row.class_uid, row.activity_id) = if is_sign_in(event) {
        (AUTHENTICATION, LOGON)
    } else {
        classes::directory_class(&row.operation)
    };
    row.service = column(first_field(
        event,
        &["resourcedisplayname", "loggedbyservice"],
    ));
    row.severity_id = risk(event);
    row.status = status(event);
    row.account = column(directory_of(event));
    row.actor = column(first_field(event, &ACTOR));
    if let Some((ip, port)) = source(event).map(super::address) {
        row.src_ip = identity::parse_address(ip);
        row.src_port = port;
    }
    resource(
        row,
        field(event, "resourceid").filter(|_| is_sign_in(event)),
    );
    resource(row, field(event, "appid"));
    let inner = at(event, "properties").unwrap_or(event);
    for target in each(inner, "targetresources") {
        for key in ["userprincipalname", "id", "displayname"] {
            resource(row, text(target, key));
        }
    }
}
