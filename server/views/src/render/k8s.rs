//! Kubernetes audit events as API Activity, Authentication and Account Change.

use serde_json::Value;

use super::call::{Account, Call, Person, Thing};
use super::taken::Taken;
use crate::cloudtrail::{ACCOUNT_CHANGE, AUTHENTICATION};
use crate::k8s::{SETTING, body, source, wrapped};
use crate::row::EventRowRef;

/// Writes the event; `None` if the view is no JSON object.
pub(super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let mut record: Value = serde_json::from_str(row.raw).ok()?;
    SETTING.unfold(&mut record);
    let prefix = if wrapped(&record).is_some() {
        "properties.log."
    } else {
        ""
    };
    let last = source(body(&record)).map(str::to_owned);
    let mut left = Taken::of(record)?;
    let at = |path: &str| format!("{prefix}{path}");
    // A client may have written anything there; the schema wants addresses.
    let mut addresses = left.addresses(&at("sourceips"));
    let source = addresses.pop().or(last);
    let code = left.number(&at("responsestatus.code"));
    let message = left.text(&at("responsestatus.message"));
    let reason = left.text(&at("responsestatus.reason"));
    let user = changed(row, &left, prefix);
    let resource = left.text(&at("objectref.resource"));
    let part = left.text(&at("objectref.subresource"));
    let actor = Person {
        name: left.text(&at("user.username")),
        uid: left.text(&at("user.uid")),
        groups: left.texts(&at("user.groups")),
        ..Person::default()
    };
    let things = resource.is_some().then(|| Thing {
        uid: left.text(&at("objectref.uid")),
        name: left.text(&at("objectref.name")),
        namespace: left.text(&at("objectref.namespace")),
        kind: resource.clone(),
        data: part
            .as_ref()
            .map(|part| serde_json::json!({"subresource": part})),
    });
    let audit_id = left.text(&at("auditid"));
    let call = Call {
        product: "Kubernetes Audit",
        version: left.text(&at("apiversion")),
        event_code: left.text(&at("stage")),
        level: left.text(&at("level")),
        original_uid: audit_id.clone(),
        correlation: audit_id,
        original_time: left
            .text(&at("stagetimestamp"))
            .or_else(|| left.text(&at("requestreceivedtimestamp"))),
        status_code: code.map(|code| code.to_string()),
        status_detail: message.clone(),
        account: Account {
            uid: Some(row.account.to_owned()),
            kind: Some((99, "Kubernetes Cluster")),
        },
        source,
        forwarded: addresses,
        agent: left.text(&at("useragent")),
        url_path: left.text(&at("requesturi")),
        http_code: code,
        actor,
        user,
        operation: Some(row.operation.to_owned()),
        api_version: left.text(&at("objectref.apiversion")),
        service: Some(row.service.to_owned()),
        request: left.data(&at("requestobject")),
        response: left.data(&at("responseobject")),
        response_code: code,
        response_error: reason,
        response_message: message,
        resources: things.into_iter().collect(),
        ..Call::default()
    };
    call.write(row, &left, out);
    Some(())
}

/// Who signed in or was changed: a service account, or the first subject of a binding.
fn changed(row: &EventRowRef<'_>, left: &Taken, prefix: &str) -> Option<Person> {
    if !matches!(row.class_uid, AUTHENTICATION | ACCOUNT_CHANGE) {
        return None;
    }
    let said = |path: &str| left.peek(&format!("{prefix}{path}"));
    if said("objectref.resource").as_deref() == Some("serviceaccounts") {
        let space = said("objectref.namespace");
        let name = said("objectref.name").or_else(|| said("requestobject.metadata.name"));
        return Some(Person {
            name: match (space, name) {
                (Some(space), Some(name)) => Some(format!("system:serviceaccount:{space}:{name}")),
                (_, name) => name,
            },
            word: Some("Service".to_owned()),
            type_id: Some(4),
            ..Person::default()
        });
    }
    Some(Person {
        name: left.peek_in(&format!("{prefix}requestobject.subjects"), "name"),
        ..Person::default()
    })
}
