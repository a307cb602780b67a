//! OpenStack notifications as API Activity, Authentication and Account Change.

use serde_json::{Map, Value};

use super::raw::Text;
use super::writer::Writer;
use super::{Base, VIEW_KEY, endpoint_key, observable, schema, view_note};
use crate::openstack::{ACCOUNT_CHANGE, AUTHENTICATION, Notification, service};
use crate::row::EventRowRef;

/// Top-level fields that have a place elsewhere.
const MAPPED: [&str; 5] = [
    "event_type",
    "message_id",
    "priority",
    "timestamp",
    "_unique_id",
];

/// Writes the event; `None` if the view is no JSON object.
pub(super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let record: Value = serde_json::from_str(row.raw).ok()?;
    let fields = record.as_object()?;
    let notification = Notification::of(&record);
    let top = |key: &str| fields.get(key).and_then(Value::as_str).map(Text::Bare);
    let product = match service(&notification) {
        "identity" => "Keystone",
        "compute" => "Nova",
        _ => "OpenStack",
    };
    let mut event = Writer::new(out);
    let event = &mut event;
    Base {
        product,
        version: version(&notification).map(Text::Bare),
        profiles: &["cloud", "datetime"],
        uid: top("message_id"),
        event_code: top("event_type"),
        correlation_uid: notification.request_id().map(Text::Bare),
        original_time: notification
            .said("eventTime")
            .map(Text::Bare)
            .or_else(|| top("timestamp")),
        log_level: top("priority"),
        original_event_uid: top("_unique_id"),
        ..Base::default()
    }
    .write(event, row);
    if let Some(outcome) = notification.said("outcome") {
        event.text("status_code", outcome);
    }
    let cloud = event.open("cloud");
    event.text("provider", "OpenStack");
    event.text_if(
        "zone",
        notification.datum("availability_zone").unwrap_or_default(),
    );
    let account = event.open("account");
    project(event, Some(row.account).filter(|id| !id.is_empty()));
    event.close(account);
    event.close(cloud);
    source(event, &notification);
    actor(event, &notification);
    let request = event.open("http_request");
    let agent = notification.said("initiator.host.agent");
    event.text_if("user_agent", agent.unwrap_or_default());
    event.close(request);
    match row.class_uid {
        AUTHENTICATION => {
            let user = event.open("user");
            caller(event, &notification);
            event.close(user);
            let service = event.open("service");
            event.text("name", "identity");
            event.close(service);
        }
        ACCOUNT_CHANGE => account_change(event, &notification),
        _ => {}
    }
    api(event, &notification);
    let in_resources = row.class_uid != AUTHENTICATION
        && row.class_uid != ACCOUNT_CHANGE
        && resources(event, &notification);
    let observables = event.open_list("observables");
    let address = notification.address();
    let address = address.filter(|text| endpoint_key(text) == "ip");
    observable(event, "src_endpoint.ip", schema::IP_ADDRESS, address);
    let name = notification.user_name();
    observable(event, "actor.user.name", schema::USER_NAME, name);
    event.close_list(observables);
    let unmapped = event.open("unmapped");
    for (key, value) in rest_of(fields, in_resources, time_is_mapped(&notification)) {
        event.value(key, value);
    }
    view_note(event, row);
    event.close(unmapped);
    event.finish();
    Some(())
}

/// The version of the payload's object.
fn version<'v>(notification: &Notification<'v>) -> Option<&'v str> {
    notification.payload.get("nova_object.version")?.as_str()
}

/// A CADF event has a time of its own, and the notification's is another.
fn time_is_mapped(notification: &Notification<'_>) -> bool {
    notification.said("eventTime").is_none()
}

/// A project as an account; OCSF has no number for it.
fn project(event: &mut Writer<'_>, id: Option<&str>) -> bool {
    let Some(id) = id else { return false };
    event.text("uid", id);
    event.text("type", "OpenStack Project");
    event.number("type_id", schema::OTHER);
    true
}

/// Where the request came from; the schema wants it named by something.
fn source(event: &mut Writer<'_>, notification: &Notification<'_>) {
    let source = event.open("src_endpoint");
    match notification.address() {
        Some(address) => event.text(endpoint_key(address), address),
        None => event.text("name", "Unknown"),
    }
    event.close(source);
}

/// Who asked for it, as a user: named by something, since the schema wants that.
fn caller(event: &mut Writer<'_>, notification: &Notification<'_>) {
    let (name, id) = (notification.user_name(), notification.user_id());
    event.text_if("name", name.unwrap_or_default());
    event.text_if("uid", id.unwrap_or_default());
    let account = event.open("account");
    project(event, notification.caller());
    let named = event.close(account);
    if !named && name.is_none() && id.is_none() {
        event.text("name", "Unknown");
    }
}

fn actor(event: &mut Writer<'_>, notification: &Notification<'_>) {
    let actor = event.open("actor");
    let known = notification.user_id().is_some()
        || notification.user_name().is_some()
        || notification.caller().is_some();
    if known {
        let user = event.open("user");
        caller(event, notification);
        event.close(user);
    } else {
        // What OpenStack does by itself.
        let name = service(notification);
        event.text("app_name", if name.is_empty() { "Unknown" } else { name });
    }
    event.close(actor);
}

/// Writes whose account was changed and by which role.
fn account_change(event: &mut Writer<'_>, notification: &Notification<'_>) {
    let user = event.open("user");
    let id = ["user", "resource_info", "target.id"]
        .into_iter()
        .find_map(|path| notification.said(path));
    match id {
        Some(id) => event.text("uid", id),
        None => event.text("name", "Unknown"),
    }
    event.close(user);
    let policies = event.open_list("policies");
    let policy = event.open_item();
    event.text_if("uid", notification.said("role").unwrap_or_default());
    event.close(policy);
    event.close_list(policies);
}

fn api(event: &mut Writer<'_>, notification: &Notification<'_>) {
    let api = event.open("api");
    let operation = notification.event_type();
    let operation = if operation.is_empty() {
        "Unknown"
    } else {
        operation
    };
    event.text("operation", operation);
    let named = event.open("service");
    event.text_if("name", service(notification));
    event.close(named);
    if let Some(id) = notification.request_id() {
        let request = event.open("request");
        event.text("uid", id);
        event.close(request);
    }
    let fault = notification.data.get("fault");
    let fault = fault.and_then(|fault| fault.get("nova_object.data"));
    let fault = fault
        .and_then(|fault| fault.get("exception"))
        .and_then(Value::as_str);
    let response = event.open("response");
    event.text_if("error", fault.unwrap_or_default());
    event.close(response);
    event.close(api);
}

/// Writes what it was done to, the payload whole with the first; false if there is nothing.
fn resources(event: &mut Writer<'_>, notification: &Notification<'_>) -> bool {
    let mut ids = notification.resources().peekable();
    if ids.peek().is_none() {
        return false;
    }
    let kind = notification
        .said("target.typeURI")
        .or_else(|| notification.event_type().split('.').next());
    let resources = event.open_list("resources");
    for (at, id) in ids.enumerate() {
        let resource = event.open_item();
        event.text("uid", id);
        if at == 0 {
            event.text_if(
                "name",
                notification.datum("display_name").unwrap_or_default(),
            );
            event.text_if("type", kind.unwrap_or_default());
            let owner = event.open("owner");
            let owns = notification.datum("user_id");
            event.text_if("uid", owns.unwrap_or_default());
            let account = event.open("account");
            project(event, notification.owner());
            event.close(account);
            event.close(owner);
            event.value("data", notification.payload);
        }
        event.close(resource);
    }
    event.close_list(resources);
    true
}

/// What is left of a notification.
fn rest_of(
    fields: &Map<String, Value>,
    in_resources: bool,
    time: bool,
) -> impl Iterator<Item = (&str, &Value)> {
    fields
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .filter(move |(key, value)| match *key {
            // Whoever wrote that did not write it for this view.
            VIEW_KEY => false,
            "payload" => !in_resources,
            "timestamp" => !time || !value.is_string(),
            key => !MAPPED.contains(&key) || !value.is_string(),
        })
}
