//! CloudTrail records as API Activity, Authentication and Account Change.

mod fields;

use self::fields::{Fields, Identity, part, put};
use super::raw::{Raw, Text, object};
use super::writer::Writer;
use super::{Base, account, cloud, endpoint_key, observable, schema, view_note};
use crate::cloudtrail::{ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION};
use crate::row::EventRowRef;

/// Writes the event; `None` if the view is no JSON object.
pub(super) fn write(row: &EventRowRef<'_>, out: &mut String) -> Option<()> {
    let text = object(row.raw)?;
    let fields = Fields::read(Raw(&text), row.class_uid);
    let mut event = Writer::new(out);
    let event = &mut event;
    Base {
        product: "CloudTrail",
        feature: fields.event_category,
        version: fields.event_version,
        profiles: &["cloud", "datetime"],
        uid: fields.event_id,
        event_code: fields.event_type,
        correlation_uid: fields.shared_event_id,
        original_time: fields.event_time.or(fields.timestamp),
        ..Base::default()
    }
    .write(event, row);
    event.record("status_code", fields.error_code);
    event.record("status_detail", fields.error_message);
    let recipient = fields.recipient.map(Text::plain);
    let region = fields.region.map(Text::plain).unwrap_or_default();
    cloud(event, recipient.as_deref().unwrap_or(row.account), &region);
    let address = fields.source_address.map(Text::plain).unwrap_or_default();
    source(event, &fields, &address);
    if row.class_uid != ACCOUNT_CHANGE {
        let target = event.open("dst_endpoint");
        event.record("svc_name", fields.login_page);
        event.record("hostname", fields.host);
        event.close(target);
    }
    let request = event.open("http_request");
    event.record("user_agent", fields.user_agent);
    event.close(request);
    let mut changed_user = None;
    match row.class_uid {
        AUTHENTICATION => authentication(event, &fields),
        ACCOUNT_CHANGE => changed_user = account_change(event, &fields),
        _ => {}
    }
    let mapped_resources = row.class_uid == API_ACTIVITY && resources(event, &fields);
    fields.identity.actor(event);
    api(event, &fields, row);

    let observables = event.open_list("observables");
    if endpoint_key(&address) == "ip" {
        observable(event, "src_endpoint.ip", schema::IP_ADDRESS, Some(&address));
    }
    let user = fields.identity.user_name.map(Text::plain);
    observable(event, "actor.user.name", schema::USER_NAME, user.as_deref());
    let user = changed_user.map(Text::plain);
    observable(event, "user.name", schema::USER_NAME, user.as_deref());
    event.close_list(observables);

    let unmapped = event.open("unmapped");
    for (key, left) in &fields.rest {
        left.write(event, *key);
    }
    if let Some((key, value)) = fields.resources.filter(|_| !mapped_resources) {
        event.raw_member(key, value);
    }
    if let (Some(_), Some(timestamp)) = (fields.event_time, fields.timestamp) {
        event.record("@timestamp", Some(timestamp));
    }
    view_note(event, row);
    event.close(unmapped);
    event.finish();
    Some(())
}

impl Identity<'_> {
    /// OCSF's number for the kind of caller. The word beside it is the source's own, as in
    /// all published mappings.
    fn type_id(&self) -> i32 {
        match self.kind.map(Text::plain).as_deref() {
            None | Some("Unknown") => 0,
            Some("IAMUser" | "IdentityCenterUser" | "SAMLUser" | "WebIdentityUser") => 1,
            Some("Root") => 2,
            Some("AWSService") => 4,
            Some(_) => schema::OTHER,
        }
    }

    /// The members of the caller as a user. The schema wants one named by name, id or
    /// account; a record that has none of them gives the next best.
    fn user(&self, event: &mut Writer<'_>, credential: bool) {
        event.record("type", self.kind);
        if self.kind.is_some() {
            event.number("type_id", self.type_id());
        }
        let mut named = event.record("name", self.user_name);
        named |= event.record("uid", self.arn);
        event.record("uid_alt", self.principal);
        if credential {
            event.record("credential_uid", self.access_key);
        }
        named |= account(event, self.account);
        let said = self.kind.is_some() || self.access_key.is_some() || !credential;
        if named || (!said && self.principal.is_none()) {
            return;
        }
        if !event.record("uid", self.principal) && !event.record("name", self.invoked_by) {
            event.text("name", "Unknown");
        }
    }

    fn actor(&self, event: &mut Writer<'_>) {
        let actor = event.open("actor");
        let user = event.open("user");
        self.user(event, true);
        let mut named = event.close(user);
        let session = event.open("session");
        event.time("created_time", self.created);
        if let Some(mfa) = self.mfa {
            event.truth("is_mfa", mfa);
        }
        event.record("issuer", self.issuer);
        named |= event.close(session);
        named |= event.record("app_name", self.invoked_by);
        let idp = event.open("idp");
        event.record("name", self.provider);
        event.close(idp);
        if !named {
            event.text("app_name", "Unknown");
        }
        event.close(actor);
    }
}

/// Where the call came from; the schema wants it named by something.
fn source(event: &mut Writer<'_>, fields: &Fields<'_>, address: &str) {
    let source = event.open("src_endpoint");
    let named = !address.is_empty();
    if named {
        event.record(endpoint_key(address), fields.source_address);
    }
    if !event.record("uid", fields.endpoint_id) && !named {
        event.text("name", "Unknown");
    }
    event.close(source);
}

fn api(event: &mut Writer<'_>, fields: &Fields<'_>, row: &EventRowRef<'_>) {
    let api = event.open("api");
    if !event.record("operation", fields.event_name) {
        let operation = if row.operation.is_empty() {
            "Unknown"
        } else {
            row.operation
        };
        event.text("operation", operation);
    }
    event.record("version", fields.api_version);
    let service = event.open("service");
    event.record("name", fields.event_source);
    event.close(service);
    if fields.request_id.is_some() || fields.request.is_some() {
        let request = event.open("request");
        // The schema wants an id; where there is none the event's is the nearest.
        if !event.record("uid", fields.request_id) {
            event.text("uid", row.event_id);
        }
        if let Some(data) = fields.request {
            event.raw("data", data);
        }
        event.close(request);
    }
    let response = event.open("response");
    event.record("error", fields.error_code);
    event.record("message", fields.error_message);
    if let Some(data) = fields.response {
        event.raw("data", data);
    }
    event.close(response);
    event.close(api);
}

fn authentication(event: &mut Writer<'_>, fields: &Fields<'_>) {
    let request = |path: &[&str]| fields.request?.below(path);
    let response = |path: &[&str]| fields.response?.below(path);
    // Whoever hands out a session says whose it is; otherwise it is the caller's own.
    let handed_out = [
        ("assumedRoleUser", "assumedRoleId"),
        ("federatedUser", "federatedUserId"),
    ]
    .into_iter()
    .find_map(|(user, id)| Some((response(&[user, "arn"])?, response(&[user, id]))));
    let role = request(&["roleArn"]);
    let user = event.open("user");
    match (handed_out, role) {
        (Some((arn, id)), _) => {
            event.record("uid", Some(arn));
            event.record("uid_alt", id);
        }
        (None, Some(role)) => {
            event.record("uid", Some(role));
        }
        (None, None) => fields.identity.user(event, false),
    }
    event.close(user);
    let session = event.open("session");
    event.record("credential_uid", response(&["credentials", "accessKeyId"]));
    event.record("issuer", role);
    event.close(session);
    if let Some(used) = fields.mfa_used {
        event.truth("is_mfa", used);
    }
    let protocol = match fields.event_name.map(Text::plain).as_deref() {
        Some("AssumeRoleWithSAML") => Some((5, "SAML")),
        Some("AssumeRoleWithWebIdentity") => Some((4, "OpenID")),
        _ => None,
    };
    if let Some((id, name)) = protocol {
        event.number("auth_protocol_id", id);
        event.text("auth_protocol", name);
    }
    let service = event.open("service");
    let served = event.record("name", fields.event_source);
    if !served && fields.login_page.is_none() && fields.host.is_none() {
        // The schema asks for a service or a destination.
        event.text("name", "Unknown");
    }
    event.close(service);
}

/// Writes who was changed and how; gives back the name of a changed user.
fn account_change<'a>(event: &mut Writer<'_>, fields: &Fields<'a>) -> Option<Text<'a>> {
    let request = |path: &[&str]| fields.request?.below(path);
    let response = |path: &[&str]| fields.response?.below(path);
    let mut changed = None;
    let user = event.open("user");
    let mut named = false;
    for (entity, name, id) in [
        ("user", "userName", "userId"),
        ("role", "roleName", "roleId"),
    ] {
        let said = response(&[entity, name]).or_else(|| request(&[name]));
        let arn = response(&[entity, "arn"]);
        if said.is_none() && arn.is_none() {
            continue;
        }
        event.record("name", said);
        event.record("uid", arn);
        event.record("uid_alt", response(&[entity, id]));
        if entity == "role" {
            event.text("type", "Role");
            event.number("type_id", schema::OTHER);
        } else {
            changed = said;
        }
        named = true;
        break;
    }
    if !named {
        let elsewhere = response(&["accessKey", "userName"])
            .or_else(|| response(&["loginProfile", "userName"]))
            .or_else(|| request(&["userId"]))
            .or_else(|| request(&["groupName"]));
        named = event.record("name", elsewhere);
    }
    if !named {
        // Without parameters it was the caller's own account, unless they were withheld.
        let mut parameters = [fields.request, fields.response].into_iter().flatten();
        if parameters.any(Raw::is_marker) {
            event.text("name", "Unknown");
        } else {
            fields.identity.user(event, false);
        }
    }
    event.close(user);
    let policies = event.open_list("policies");
    let policy = event.open_item();
    event.record("uid", request(&["policyArn"]));
    event.record("name", request(&["policyName"]));
    event.close(policy);
    event.close_list(policies);
    changed
}

/// Writes `resources` as OCSF has them; false if they are no list of objects, and so stay
/// unmapped.
fn resources(event: &mut Writer<'_>, fields: &Fields<'_>) -> bool {
    let Some((_, list)) = fields.resources else {
        return true;
    };
    if !list.is_list()
        || list
            .items()
            .any(|item| !item.is_object() || item.is_marker())
    {
        return false;
    }
    let resources = event.open_list("resources");
    for item in list.items() {
        let (mut arn, mut owner, mut kind) = (None, None, None);
        let rest = part(item, |name, value| match name {
            "ARN" | "arn" if arn.is_none() => !put(&mut arn, value),
            "accountId" => !put(&mut owner, value),
            "type" => !put(&mut kind, value),
            _ => false,
        });
        let resource = event.open_item();
        // The schema wants it named by something.
        if !event.record("uid", arn) && !event.record("name", kind) {
            event.text("name", "Unknown");
        }
        event.record("type", kind);
        let owner_at = event.open("owner");
        account(event, owner);
        event.close(owner_at);
        let data = event.open("data");
        for (key, left) in &rest {
            left.write(event, *key);
        }
        event.close(data);
        event.close(resource);
    }
    event.close_list(resources);
    true
}
