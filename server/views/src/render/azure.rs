//! Azure's activity log as API Activity and Account Change.

pub(super) mod signin;

use serde_json::Value;

use super::call::{Account, Call, Person, Thing};
use super::taken::Taken;
use crate::azure::{self, DIRECTORY_CLAIMS, ID_CLAIMS, NAME_CLAIMS, SETTING};
use crate::cloudtrail::ACCOUNT_CHANGE;
use crate::row::EventRowRef;

/// Writes the event; `None` if the view is no JSON object.
pub(super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let mut event: Value = serde_json::from_str(row.raw).ok()?;
    SETTING.unfold(&mut event);
    let account = azure::subscription(&event).map(str::to_owned);
    let service = azure::service(&event).map(str::to_owned);
    let caller = azure::caller(&event).map(str::to_owned);
    let principal = azure::claim(&event, &ID_CLAIMS).map(str::to_owned);
    let email = azure::claim(&event, &NAME_CLAIMS)
        .filter(|name| name.contains('@'))
        .map(str::to_owned);
    let directory = azure::claim(&event, &DIRECTORY_CLAIMS).map(str::to_owned);
    let app = azure::claim(&event, &["appid"]).map(str::to_owned);
    let source = event_address(&event);
    let mut left = Taken::of(event)?;
    let (address, port) = source;
    if port.is_none() {
        left.first(&["calleripaddress", "httprequest.clientipaddress"]);
    }
    left.text("caller");
    let kind = if left.has("subscriptionid") || left.has("resourceid") {
        (13, "Azure Subscription")
    } else {
        (17, "M365 Tenant")
    };
    left.text("subscriptionid");
    let status = left.first(&[
        "status.value",
        "resulttype",
        "activitystatusvalue",
        "statuscode",
    ]);
    let detail = left.first(&["resultdescription", "description", "statustext"]);
    let changed = (row.class_uid == ACCOUNT_CHANGE)
        .then(|| changed(&left, row.operation))
        .flatten();
    let call = Call {
        product: "Azure Activity Log",
        uid: left.first(&["eventdataid", "properties.eventdataid"]),
        feature: left.first(&["category.value", "category", "categoryvalue"]),
        version: left.first(&["schemaversion"]),
        level: left.text("level"),
        correlation: left.text("correlationid"),
        original_time: left.first(&["time", "eventtimestamp", "timegenerated"]),
        event_code: left.first(&["eventname.value"]),
        status_code: status.clone(),
        status_detail: detail,
        account: Account {
            uid: account,
            kind: Some(kind),
        },
        region: left.text("location"),
        source: address,
        source_port: port,
        agent: left.text("properties.useragentheader"),
        http_method: left.text("httprequest.method"),
        url: left.text("uri"),
        http_code: http_code(status.as_deref()),
        actor: Person {
            name: caller,
            email,
            uid: principal,
            account: Account {
                uid: directory,
                kind: Some((6, "Azure AD Account")),
            },
            ..Person::default()
        },
        app_uid: app,
        user: changed,
        operation: left.first(&["operationname.value", "operationname", "operationnamevalue"]),
        api_version: left.text("operationversion"),
        service,
        request_uid: left.text("operationid"),
        request: left.data("properties.requestbody"),
        response: left.data("properties.responsebody"),
        resources: left
            .text("resourceid")
            .map(|uid| Thing {
                uid: Some(uid),
                kind: left.first(&["resourcetype.value", "resourcetype"]),
                ..Thing::default()
            })
            .into_iter()
            .collect(),
        ..Call::default()
    };
    call.write(row, &left, out);
    Some(())
}

/// Where the call came from: the address, and the port if it has one.
fn event_address(event: &Value) -> (Option<String>, Option<u16>) {
    let text =
        crate::cloud::fields::first(event, &["calleripaddress", "httprequest.clientipaddress"]);
    match text.map(azure::address) {
        Some((ip, port)) => (Some(ip.to_owned()), port),
        None => (None, None),
    }
}

/// The HTTP status that resource logs have for their status.
fn http_code(status: Option<&str>) -> Option<i64> {
    let code = status?.parse().ok()?;
    (100..600).contains(&code).then_some(code)
}

/// Who is given or loses a role. With `elevateAccess` it is the caller, who is written
/// where nobody else is.
fn changed(left: &Taken, operation: &str) -> Option<Person> {
    if operation.to_ascii_lowercase().contains("/elevateaccess/") {
        return None;
    }
    let request = "properties.requestbody";
    Some(Person {
        uid: left
            .peek(&format!("{request}.properties.principalid"))
            .or_else(|| left.peek(&format!("{request}.principalid"))),
        word: left.peek(&format!("{request}.properties.principaltype")),
        ..Person::default()
    })
}
