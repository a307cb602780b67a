//! Google Cloud's audit logs as API Activity, Authentication and Account Change.

use serde_json::Value;

use super::call::{Account, Call, Person, Thing};
use super::taken::Taken;
use crate::cloud::fields::at;
use crate::gcp::{container, payload, region};
use crate::row::EventRowRef;

/// Writes the event; `None` if the view is no JSON object.
pub(super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let entry: Value = serde_json::from_str(row.raw).ok()?;
    let nothing = Value::Null;
    let call = payload(&entry).unwrap_or(&nothing);
    let region = region(&entry, call).map(str::to_owned);
    let mut account = container(&entry).map(str::to_owned);
    let prefix = if at(&entry, "protopayload").is_some_and(Value::is_object) {
        "protopayload"
    } else {
        "protopayloadauditlog"
    };
    let mut left = Taken::of(entry)?;
    let inside = |path: &str| format!("{prefix}.{path}");
    account = left.text("resource.labels.projectid").or(account);
    let code = left.number(&inside("status.code"));
    let message = left.text(&inside("status.message"));
    let actor = actor(&mut left, prefix);
    let call = Call {
        product: "Cloud Audit Logs",
        feature: left.text("logname"),
        uid: left.text("insertid"),
        level: left.text("severity"),
        event_code: left.text("resource.type"),
        correlation: left.text("operation.id"),
        original_time: left.text("timestamp"),
        status_code: code.map(|code| code.to_string()),
        status_detail: message.clone(),
        account: Account {
            kind: Some(account_kind(account.as_deref())),
            uid: account,
        },
        region,
        source: left.text(&inside("requestmetadata.callerip")),
        agent: left.text(&inside("requestmetadata.callersupplieduseragent")),
        issuer: left.text(&inside("authenticationinfo.serviceaccountkeyname")),
        actor,
        operation: left.text(&inside("methodname")),
        service: left.text(&inside("servicename")),
        response_code: code,
        response_message: message,
        request: left.data(&inside("request")),
        response: left.data(&inside("response")),
        resources: left
            .text(&inside("resourcename"))
            .map(|name| Thing {
                uid: Some(name),
                ..Thing::default()
            })
            .into_iter()
            .collect(),
        ..Call::default()
    };
    call.write(row, &left, out);
    Some(())
}

/// OCSF's kind of account: a project, or what holds projects.
fn account_kind(account: Option<&str>) -> (i32, &'static str) {
    if account.is_some_and(|account| account.contains('/')) {
        (5, "GCP Account")
    } else {
        (11, "GCP Project")
    }
}

/// A robot is a service; whoever else has an address is a person.
fn actor(left: &mut Taken, prefix: &str) -> Person {
    let name = left.text(&format!("{prefix}.authenticationinfo.principalemail"));
    let uid = left.text(&format!("{prefix}.authenticationinfo.principalsubject"));
    let robot = name
        .as_deref()
        .is_some_and(|name| name.ends_with("gserviceaccount.com"));
    let type_id = match (&name, robot) {
        (_, true) => Some(4),
        (Some(_), false) => Some(1),
        (None, false) => None,
    };
    Person {
        word: type_id.map(|id| if id == 4 { "Service" } else { "User" }.to_owned()),
        type_id,
        name,
        uid,
        ..Person::default()
    }
}
