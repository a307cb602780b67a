//! A call, sign-in or change of an account, whichever cloud logged it, as API Activity,
//! Authentication or Account Change.
//!
//! Each source says what of its record goes where; this writes it as the classes want it.

use serde_json::Value;

use super::raw::Text;
use super::taken::Taken;
use super::writer::Writer;
use super::{Base, endpoint_key, observable, schema, vendor, view_note};
use crate::cloudtrail::{ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION};
use crate::row::EventRowRef;

/// A word with OCSF's number for it.
pub(super) type Kind = (i32, &'static str);

/// An account of the cloud's.
#[derive(Debug, Clone, Default)]
pub(super) struct Account {
    pub(super) uid: Option<String>,
    pub(super) kind: Option<Kind>,
}

/// Somebody, by whatever names him.
#[derive(Debug, Clone, Default)]
pub(super) struct Person {
    pub(super) name: Option<String>,
    pub(super) full_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) uid_alt: Option<String>,
    /// The source's own word for the kind.
    pub(super) word: Option<String>,
    pub(super) type_id: Option<i32>,
    pub(super) credential: Option<String>,
    pub(super) account: Account,
    pub(super) groups: Vec<String>,
}

/// Something that was acted on.
#[derive(Debug, Clone, Default)]
pub(super) struct Thing {
    pub(super) uid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) data: Option<Value>,
}

/// Where somebody was.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    pub(super) city: Option<String>,
    pub(super) region: Option<String>,
    pub(super) country: Option<String>,
}

/// What of a record has a place in OCSF.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) product: &'static str,
    pub(super) feature: Option<String>,
    pub(super) version: Option<String>,
    pub(super) event_code: Option<String>,
    pub(super) correlation: Option<String>,
    pub(super) original_time: Option<String>,
    pub(super) uid: Option<String>,
    /// What the source calls the request, of which the event is a part.
    pub(super) original_uid: Option<String>,
    pub(super) level: Option<String>,
    pub(super) message: Option<String>,
    pub(super) status_code: Option<String>,
    pub(super) status_detail: Option<String>,
    pub(super) account: Account,
    pub(super) region: Option<String>,
    pub(super) source: Option<String>,
    pub(super) source_port: Option<u16>,
    pub(super) place: Place,
    /// Addresses that stood before the source's own, by the client's own word.
    pub(super) forwarded: Vec<String>,
    pub(super) agent: Option<String>,
    pub(super) http_method: Option<String>,
    pub(super) url: Option<String>,
    pub(super) url_path: Option<String>,
    pub(super) http_code: Option<i64>,
    pub(super) actor: Person,
    pub(super) app_name: Option<String>,
    pub(super) app_uid: Option<String>,
    pub(super) idp: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) session: Option<String>,
    /// Who signed in or was changed; the actor where nobody else is named.
    pub(super) user: Option<Person>,
    pub(super) is_mfa: Option<bool>,
    pub(super) auth_protocol: Option<(i32, String)>,
    pub(super) operation: Option<String>,
    pub(super) api_version: Option<String>,
    pub(super) service: Option<String>,
    pub(super) request_uid: Option<String>,
    pub(super) request: Option<Value>,
    pub(super) response: Option<Value>,
    pub(super) response_code: Option<i64>,
    pub(super) response_error: Option<String>,
    pub(super) response_message: Option<String>,
    pub(super) resources: Vec<Thing>,
}

const fn said(text: &Option<String>) -> Option<Text<'_>> {
    match text {
        Some(text) => Some(Text::Bare(text.as_str())),
        None => None,
    }
}

fn put(event: &mut Writer<'_>, key: &str, text: &Option<String>) -> bool {
    // An empty text is none.
    event.record(
        key,
        said(text).filter(|_| text.as_ref().is_some_and(|text| !text.is_empty())),
    )
}

impl Account {
    fn write(&self, event: &mut Writer<'_>) -> bool {
        let account = event.open("account");
        if put(event, "uid", &self.uid)
            && let Some((id, name)) = self.kind
        {
            event.text("type", name);
            event.number("type_id", id);
        }
        event.close(account)
    }
}

impl Person {
    /// Writes a user, which the schema wants named by something; says whether it is.
    fn write(&self, event: &mut Writer<'_>, key: &str, must: bool) -> bool {
        let user = event.open(key);
        let mut named = put(event, "name", &self.name);
        put(event, "full_name", &self.full_name);
        put(event, "email_addr", &self.email);
        named |= put(event, "uid", &self.uid);
        put(event, "uid_alt", &self.uid_alt);
        put(event, "type", &self.word);
        if let Some(id) = self.type_id {
            event.number("type_id", id);
        }
        put(event, "credential_uid", &self.credential);
        named |= self.account.write(event);
        let groups = event.open_list("groups");
        for name in &self.groups {
            let group = event.open_item();
            event.text_if("name", name);
            event.close(group);
        }
        event.close_list(groups);
        let other = self.full_name.is_some()
            || self.email.is_some()
            || self.uid_alt.is_some()
            || self.word.is_some()
            || self.type_id.is_some()
            || self.credential.is_some()
            || !self.groups.is_empty();
        if !named && (must || other) {
            event.text("name", "Unknown");
        }
        event.close(user) && named
    }
}

impl Call {
    /// Writes the event: what is mapped, and what is left of the record.
    pub(super) fn write(&self, row: &EventRowRef<'_>, left: &Taken, out: &mut String) {
        let mut event = Writer::new(out);
        let event = &mut event;
        Base {
            product: self.product,
            feature: said(&self.feature),
            version: said(&self.version),
            profiles: &["cloud", "datetime"],
            uid: said(&self.uid),
            event_code: said(&self.event_code),
            correlation_uid: said(&self.correlation),
            original_time: said(&self.original_time),
            log_level: said(&self.level),
            original_event_uid: said(&self.original_uid),
        }
        .write(event, row);
        put(event, "message", &self.message);
        put(event, "status_code", &self.status_code);
        put(event, "status_detail", &self.status_detail);
        let cloud = event.open("cloud");
        event.text("provider", vendor(row.source_type));
        put(event, "region", &self.region);
        self.account.write(event);
        event.close(cloud);
        self.endpoint(event);
        self.http(event);
        match row.class_uid {
            AUTHENTICATION => self.authentication(event),
            ACCOUNT_CHANGE => {
                self.user
                    .as_ref()
                    .unwrap_or(&self.actor)
                    .write(event, "user", true);
            }
            _ => {}
        }
        let resources = row.class_uid == API_ACTIVITY;
        if resources {
            self.things(event);
        }
        self.actor(event);
        self.api(event, row);
        self.observables(event, row);
        let unmapped = event.open("unmapped");
        for (key, value) in left.rest() {
            if !value.as_object().is_some_and(serde_json::Map::is_empty) {
                event.value(key, value);
            }
        }
        if !resources {
            self.unmapped_things(event);
        }
        view_note(event, row);
        event.close(unmapped);
        event.finish();
    }

    /// Where it came from; the schema wants it named by something.
    fn endpoint(&self, event: &mut Writer<'_>) {
        let source = event.open("src_endpoint");
        match self.source.as_deref().filter(|text| !text.is_empty()) {
            Some(address) => event.text(endpoint_key(address), address),
            None => event.text("name", "Unknown"),
        }
        if let Some(port) = self.source_port {
            event.number("port", port);
        }
        let place = event.open("location");
        put(event, "city", &self.place.city);
        put(event, "region", &self.place.region);
        put(event, "country", &self.place.country);
        event.close(place);
        let addresses = event.open_list("intermediate_ips");
        for ip in &self.forwarded {
            event.item(ip);
        }
        event.close_list(addresses);
        event.close(source);
    }

    fn http(&self, event: &mut Writer<'_>) {
        let request = event.open("http_request");
        put(event, "user_agent", &self.agent);
        put(event, "http_method", &self.http_method);
        let url = event.open("url");
        put(event, "url_string", &self.url);
        put(event, "path", &self.url_path);
        event.close(url);
        event.close(request);
        if let Some(code) = self.http_code {
            let response = event.open("http_response");
            event.number("code", code);
            event.close(response);
        }
    }

    fn authentication(&self, event: &mut Writer<'_>) {
        self.user
            .as_ref()
            .unwrap_or(&self.actor)
            .write(event, "user", true);
        if let Some(used) = self.is_mfa {
            event.truth("is_mfa", used);
        }
        if let Some((id, name)) = &self.auth_protocol {
            event.number("auth_protocol_id", *id);
            event.text("auth_protocol", name);
        }
        // The schema asks for a service.
        let service = event.open("service");
        if !put(event, "name", &self.service) {
            event.text("name", "Unknown");
        }
        event.close(service);
    }

    fn actor(&self, event: &mut Writer<'_>) {
        let actor = event.open("actor");
        let mut named = self.actor.write(event, "user", false);
        let session = event.open("session");
        put(event, "uid", &self.session);
        put(event, "issuer", &self.issuer);
        named |= event.close(session);
        named |= put(event, "app_name", &self.app_name);
        put(event, "app_uid", &self.app_uid);
        let idp = event.open("idp");
        put(event, "name", &self.idp);
        event.close(idp);
        if !named {
            event.text("app_name", "Unknown");
        }
        event.close(actor);
    }

    fn api(&self, event: &mut Writer<'_>, row: &EventRowRef<'_>) {
        let api = event.open("api");
        if !put(event, "operation", &self.operation) {
            event.text(
                "operation",
                if row.operation.is_empty() {
                    "Unknown"
                } else {
                    row.operation
                },
            );
        }
        put(event, "version", &self.api_version);
        let service = event.open("service");
        put(event, "name", &self.service);
        event.close(service);
        if self.request_uid.is_some() || self.request.is_some() {
            let request = event.open("request");
            // The schema wants an id; where there is none the event's is the nearest.
            if !put(event, "uid", &self.request_uid) {
                event.text("uid", row.event_id);
            }
            if let Some(data) = &self.request {
                event.value("data", data);
            }
            event.close(request);
        }
        let response = event.open("response");
        if let Some(code) = self.response_code {
            event.number("code", code);
        }
        put(event, "error", &self.response_error);
        put(event, "message", &self.response_message);
        if let Some(data) = &self.response {
            event.value("data", data);
        }
        event.close(response);
        event.close(api);
    }

    fn things(&self, event: &mut Writer<'_>) {
        let resources = event.open_list("resources");
        for thing in &self.resources {
            let resource = event.open_item();
            let named = put(event, "uid", &thing.uid) | put(event, "name", &thing.name);
            put(event, "type", &thing.kind);
            put(event, "namespace", &thing.namespace);
            if let Some(data) = &thing.data {
                event.value("data", data);
            }
            if !named {
                // The schema wants it named by something.
                event.text("name", "Unknown");
            }
            event.close(resource);
        }
        event.close_list(resources);
    }

    /// Classes other than API Activity have no place for resources.
    fn unmapped_things(&self, event: &mut Writer<'_>) {
        let resources = event.open_list("resources");
        for thing in &self.resources {
            let resource = event.open_item();
            put(event, "uid", &thing.uid);
            put(event, "name", &thing.name);
            put(event, "type", &thing.kind);
            put(event, "namespace", &thing.namespace);
            if let Some(data) = &thing.data {
                event.value("data", data);
            }
            event.close(resource);
        }
        event.close_list(resources);
    }

    fn observables(&self, event: &mut Writer<'_>, row: &EventRowRef<'_>) {
        let observables = event.open_list("observables");
        let address = self
            .source
            .as_deref()
            .filter(|text| endpoint_key(text) == "ip");
        observable(event, "src_endpoint.ip", schema::IP_ADDRESS, address);
        observable(
            event,
            "actor.user.name",
            schema::USER_NAME,
            self.actor.name.as_deref(),
        );
        if matches!(row.class_uid, AUTHENTICATION | ACCOUNT_CHANGE)
            && let Some(user) = &self.user
        {
            observable(event, "user.name", schema::USER_NAME, user.name.as_deref());
        }
        if row.class_uid == API_ACTIVITY {
            for thing in &self.resources {
                observable(
                    event,
                    "resources.uid",
                    schema::RESOURCE_UID,
                    thing.uid.as_deref(),
                );
            }
        }
        event.close_list(observables);
    }
}
