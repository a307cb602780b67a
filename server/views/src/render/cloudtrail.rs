//! CloudTrail records as API Activity, Authentication and Account Change.

use serde_json::{Map, Value};

use super::{
    Observables, Product, Put, Scalar, aws_account, base, cloud, endpoint, finish, is_marker,
    put_time, scalar, schema, truth,
};
use crate::cloudtrail::{ACCOUNT_CHANGE, API_ACTIVITY, AUTHENTICATION};
use crate::ocsf_native::json::time_of_text;
use crate::row::EventRowRef;

/// The fields of a record that have a place in OCSF; the rest is `unmapped`.
#[derive(Default)]
struct Fields {
    event_version: Option<String>,
    event_time: Option<String>,
    timestamp: Option<String>,
    event_source: Option<String>,
    event_name: Option<String>,
    event_type: Option<String>,
    event_category: Option<String>,
    event_id: Option<String>,
    shared_event_id: Option<String>,
    request_id: Option<String>,
    api_version: Option<String>,
    region: Option<String>,
    recipient: Option<String>,
    source_address: Option<String>,
    user_agent: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    endpoint_id: Option<String>,
    request: Option<Value>,
    response: Option<Value>,
    resources: Option<Value>,
    identity: Identity,
    additional: Option<Map<String, Value>>,
    tls: Option<Map<String, Value>>,
}

/// What `userIdentity` says.
#[derive(Default)]
struct Identity {
    kind: Option<String>,
    arn: Option<String>,
    principal: Option<String>,
    account: Option<String>,
    access_key: Option<String>,
    user_name: Option<String>,
    invoked_by: Option<String>,
    provider: Option<String>,
    created: Option<i64>,
    mfa: Option<bool>,
    issuer: Option<String>,
    session: bool,
}

pub(super) fn render(row: &EventRowRef<'_>) -> Option<Map<String, Value>> {
    let Ok(Value::Object(record)) = serde_json::from_str(row.raw) else {
        return None;
    };
    let mut unmapped = Map::new();
    let mut fields = Fields::take(record, &mut unmapped);
    let product = Product {
        name: "CloudTrail",
        feature: fields.event_category.as_deref().unwrap_or_default(),
        version: fields.event_version.as_deref().unwrap_or_default(),
    };
    let mut event = base(row, product, &["cloud", "datetime"]);
    if let Some(Value::Object(metadata)) = event.get_mut("metadata") {
        // A name that is too long for its column is whole in the record.
        if let Some(id) = fields.event_id.take().filter(|id| !id.is_empty()) {
            metadata.put("uid", id);
        }
        metadata.put_some("event_code", fields.event_type.as_deref());
        metadata.put_some("correlation_uid", fields.shared_event_id.as_deref());
        let original = fields.event_time.take().or_else(|| fields.timestamp.take());
        metadata.put_some("original_time", original.as_deref());
    }
    if let Some(timestamp) = fields.timestamp.take() {
        unmapped.put("@timestamp", timestamp);
    }
    event.put_some("status_code", fields.error_code.as_deref());
    event.put_some("status_detail", fields.error_message.as_deref());

    let account = fields.recipient.as_deref().unwrap_or(row.account);
    event.put(
        "cloud",
        cloud(account, fields.region.as_deref().unwrap_or_default()),
    );
    let mut observables = Observables::default();
    let source = source(&mut fields);
    observables.add(
        "src_endpoint.ip",
        schema::IP_ADDRESS,
        source.get("ip").and_then(Value::as_str),
    );
    observables.add(
        "actor.user.name",
        schema::USER_NAME,
        fields.identity.user_name.as_deref(),
    );
    event.put("src_endpoint", source);
    if row.class_uid != ACCOUNT_CHANGE
        && let Some(target) = target(&mut fields, row.class_uid)
    {
        event.put("dst_endpoint", target);
    }
    if let Some(agent) = fields.user_agent.take().filter(|agent| !agent.is_empty()) {
        let mut request = Map::with_capacity(1);
        request.put("user_agent", agent);
        event.put("http_request", request);
    }
    match row.class_uid {
        AUTHENTICATION => authentication(&mut fields, &mut event),
        ACCOUNT_CHANGE => account_change(&fields, &mut event, &mut observables),
        _ => {}
    }
    if row.class_uid == API_ACTIVITY
        && let Some(resources) = fields.resources.take()
    {
        match resources_of(resources) {
            Ok(resources) => event.put("resources", resources),
            Err(odd) => unmapped.put("resources", odd),
        }
    }
    event.put("actor", fields.identity.actor());
    event.put("api", api(&mut fields, row));
    if !observables.0.is_empty() {
        event.put("observables", observables.0);
    }
    for (key, rest) in [
        ("resources", fields.resources),
        ("additionalEventData", full(fields.additional)),
        ("tlsDetails", full(fields.tls)),
    ] {
        if let Some(rest) = rest {
            unmapped.put(key, rest);
        }
    }
    Some(finish(event, unmapped, row))
}

fn full(map: Option<Map<String, Value>>) -> Option<Value> {
    map.filter(|map| !map.is_empty()).map(Value::Object)
}

impl Fields {
    /// Sorts a record's fields into those that have a place and those that have none.
    fn take(record: Map<String, Value>, unmapped: &mut Map<String, Value>) -> Self {
        let mut fields = Self::default();
        for (key, value) in record {
            let slot = match key.as_str() {
                "eventVersion" => &mut fields.event_version,
                "eventTime" => &mut fields.event_time,
                "@timestamp" => &mut fields.timestamp,
                "eventSource" => &mut fields.event_source,
                "eventName" => &mut fields.event_name,
                "eventType" => &mut fields.event_type,
                "eventCategory" => &mut fields.event_category,
                "eventID" => &mut fields.event_id,
                "sharedEventID" => &mut fields.shared_event_id,
                "requestID" => &mut fields.request_id,
                "apiVersion" => &mut fields.api_version,
                "awsRegion" => &mut fields.region,
                "recipientAccountId" => &mut fields.recipient,
                "sourceIPAddress" => &mut fields.source_address,
                "userAgent" => &mut fields.user_agent,
                "errorCode" => &mut fields.error_code,
                "errorMessage" => &mut fields.error_message,
                "vpcEndpointId" => &mut fields.endpoint_id,
                _ => {
                    fields.take_large(key, value, unmapped);
                    continue;
                }
            };
            put_scalar(slot, key, value, unmapped);
        }
        fields
    }

    fn take_large(&mut self, key: String, value: Value, unmapped: &mut Map<String, Value>) {
        match (key.as_str(), value) {
            ("requestParameters", value) if !value.is_null() => self.request = Some(value),
            ("responseElements", value) if !value.is_null() => self.response = Some(value),
            ("resources", value) if !value.is_null() => self.resources = Some(value),
            ("requestParameters" | "responseElements" | "resources", _) => {}
            ("userIdentity", Value::Object(map)) => {
                let rest = self.identity.take(map);
                if !rest.is_empty() {
                    unmapped.insert(key, Value::Object(rest));
                }
            }
            ("additionalEventData", Value::Object(map)) => self.additional = Some(map),
            ("tlsDetails", Value::Object(map)) => self.tls = Some(map),
            (_, value) => {
                unmapped.insert(key, value);
            }
        }
    }
}

/// Puts text where it belongs; what is neither text nor nothing stays unmapped.
fn put_scalar(
    slot: &mut Option<String>,
    key: String,
    value: Value,
    unmapped: &mut Map<String, Value>,
) {
    match scalar(value) {
        Scalar::Text(text) => *slot = Some(text),
        Scalar::Nothing => {}
        Scalar::Odd(value) => {
            unmapped.insert(key, value);
        }
    }
}

impl Identity {
    /// Takes what has a place; gives back the rest.
    fn take(&mut self, map: Map<String, Value>) -> Map<String, Value> {
        let mut rest = Map::new();
        for (key, value) in map {
            let slot = match key.as_str() {
                "type" => &mut self.kind,
                "arn" => &mut self.arn,
                "principalId" => &mut self.principal,
                "accountId" => &mut self.account,
                "accessKeyId" => &mut self.access_key,
                "userName" => &mut self.user_name,
                "invokedBy" => &mut self.invoked_by,
                "identityProvider" => &mut self.provider,
                "sessionContext" => {
                    match value {
                        Value::Object(map) => {
                            let session = self.take_session(map);
                            if !session.is_empty() {
                                rest.insert(key, Value::Object(session));
                            }
                        }
                        value => {
                            rest.insert(key, value);
                        }
                    }
                    continue;
                }
                _ => {
                    rest.insert(key, value);
                    continue;
                }
            };
            put_scalar(slot, key, value, &mut rest);
        }
        rest
    }

    fn take_session(&mut self, map: Map<String, Value>) -> Map<String, Value> {
        self.session = true;
        let mut rest = Map::new();
        for (key, value) in map {
            let inner = match (key.as_str(), value) {
                ("attributes", Value::Object(map)) => self.take_attributes(map),
                ("sessionIssuer", Value::Object(map)) => {
                    let mut left = Map::new();
                    for (key, value) in map {
                        if key == "arn" {
                            put_scalar(&mut self.issuer, key, value, &mut left);
                        } else {
                            left.insert(key, value);
                        }
                    }
                    left
                }
                (_, value) => {
                    rest.insert(key, value);
                    continue;
                }
            };
            if !inner.is_empty() {
                rest.insert(key, Value::Object(inner));
            }
        }
        rest
    }

    fn take_attributes(&mut self, map: Map<String, Value>) -> Map<String, Value> {
        let mut rest = Map::new();
        for (key, value) in map {
            let text = match &value {
                Value::String(text) => Some(text.as_str()),
                Value::Bool(true) => Some("true"),
                Value::Bool(false) => Some("false"),
                _ => None,
            };
            match key.as_str() {
                "creationDate" => self.created = text.and_then(time_of_text),
                "mfaAuthenticated" => self.mfa = text.and_then(truth),
                _ => {}
            }
            let taken = match key.as_str() {
                "creationDate" => self.created.is_some(),
                "mfaAuthenticated" => self.mfa.is_some(),
                _ => false,
            };
            if !taken {
                rest.insert(key, value);
            }
        }
        rest
    }

    /// OCSF's number for the kind of caller. The word beside it is the source's own, as in
    /// all published mappings.
    fn type_id(&self) -> i32 {
        match self.kind.as_deref() {
            None | Some("Unknown") => 0,
            Some("IAMUser" | "IdentityCenterUser" | "SAMLUser" | "WebIdentityUser") => 1,
            Some("Root") => 2,
            Some("AWSService") => 4,
            Some(_) => schema::OTHER,
        }
    }

    /// The caller as a user; empty if the record names none.
    fn user(&self) -> Map<String, Value> {
        let mut user = Map::with_capacity(7);
        user.put_some("type", self.kind.as_deref());
        if self.kind.is_some() {
            user.put("type_id", self.type_id());
        }
        user.put_some("name", self.user_name.as_deref());
        user.put_some("uid", self.arn.as_deref());
        user.put_some("uid_alt", self.principal.as_deref());
        user.put_some("credential_uid", self.access_key.as_deref());
        if let Some(account) = self
            .account
            .as_deref()
            .filter(|account| !account.is_empty())
        {
            user.put("account", aws_account(account));
        }
        user
    }

    fn actor(&self) -> Map<String, Value> {
        let mut actor = Map::with_capacity(4);
        let mut user = self.user();
        // The schema wants a user named by something.
        if !["name", "uid", "account"]
            .iter()
            .any(|key| user.contains_key(*key))
        {
            match user.get("uid_alt").cloned() {
                Some(principal) => user.put("uid", principal),
                None if user.is_empty() => {}
                None => user.put("name", self.invoked_by.as_deref().unwrap_or("Unknown")),
            }
        }
        actor.put_full("user", user);
        let mut session = Map::with_capacity(4);
        put_time(&mut session, "created_time", self.created);
        if let Some(mfa) = self.mfa {
            session.put("is_mfa", mfa);
        }
        session.put_some("issuer", self.issuer.as_deref());
        actor.put_full("session", session);
        actor.put_some("app_name", self.invoked_by.as_deref());
        if let Some(provider) = self.provider.as_deref() {
            let mut idp = Map::with_capacity(1);
            idp.put_text("name", provider);
            actor.put_full("idp", idp);
        }
        if actor.is_empty() {
            actor.put("app_name", "Unknown");
        }
        actor
    }
}

/// Where the call came from; the schema wants it named by something.
fn source(fields: &mut Fields) -> Map<String, Value> {
    let mut source = fields
        .source_address
        .as_deref()
        .and_then(endpoint)
        .unwrap_or_default();
    source.put_some("uid", fields.endpoint_id.take().as_deref());
    if source.is_empty() {
        source.put("name", "Unknown");
    }
    source
}

/// What was called: the host that the client asked for, or the page of a sign-in.
fn target(fields: &mut Fields, class_uid: i32) -> Option<Map<String, Value>> {
    let mut target = Map::with_capacity(2);
    if class_uid == AUTHENTICATION {
        let page = fields
            .additional
            .as_mut()
            .and_then(|data| take_text(data, "LoginTo"));
        target.put_some("svc_name", page.as_deref());
    }
    let host = fields
        .tls
        .as_mut()
        .and_then(|tls| take_text(tls, "clientProvidedHostHeader"));
    target.put_some("hostname", host.as_deref());
    (!target.is_empty()).then_some(target)
}

/// Takes text out of a map; anything else stays.
fn take_text(map: &mut Map<String, Value>, key: &str) -> Option<String> {
    map.get(key)?.as_str().filter(|text| !text.is_empty())?;
    match map.shift_remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn api(fields: &mut Fields, row: &EventRowRef<'_>) -> Map<String, Value> {
    let mut api = Map::with_capacity(5);
    let operation = fields.event_name.as_deref().unwrap_or(row.operation);
    api.put(
        "operation",
        if operation.is_empty() {
            "Unknown"
        } else {
            operation
        },
    );
    api.put_some("version", fields.api_version.as_deref());
    if let Some(name) = fields.event_source.take().filter(|name| !name.is_empty()) {
        let mut service = Map::with_capacity(1);
        service.put("name", name);
        api.put("service", service);
    }
    if fields.request_id.is_some() || fields.request.is_some() {
        let mut request = Map::with_capacity(2);
        // The schema wants an id; where there is none the event's is the nearest.
        request.put("uid", fields.request_id.as_deref().unwrap_or(row.event_id));
        if let Some(data) = fields.request.take() {
            request.put("data", data);
        }
        api.put("request", request);
    }
    let mut response = Map::with_capacity(3);
    response.put_some("error", fields.error_code.as_deref());
    response.put_some("message", fields.error_message.as_deref());
    if let Some(data) = fields.response.take() {
        response.put("data", data);
    }
    api.put_full("response", response);
    api
}

/// Text below a value, by keys.
fn below<'v>(value: Option<&'v Value>, path: &[&str]) -> Option<&'v str> {
    path.iter()
        .try_fold(value?, |value, key| value.get(key))?
        .as_str()
        .filter(|text| !text.is_empty())
}

fn authentication(fields: &mut Fields, event: &mut Map<String, Value>) {
    let request = fields.request.as_ref();
    let response = fields.response.as_ref();
    // Whoever hands out a session says whose it is; otherwise it is the caller's own.
    let handed_out = ["assumedRoleUser", "federatedUser"].iter().find_map(|key| {
        let arn = below(response, &[key, "arn"])?;
        let id = below(response, &[key, "assumedRoleId"])
            .or_else(|| below(response, &[key, "federatedUserId"]));
        Some((arn, id))
    });
    let role = below(request, &["roleArn"]);
    let mut user = Map::with_capacity(6);
    match (handed_out, role) {
        (Some((arn, id)), _) => {
            user.put("uid", arn);
            user.put_some("uid_alt", id);
        }
        (None, Some(role)) => user.put("uid", role),
        (None, None) => {
            user = fields.identity.user();
            user.remove("credential_uid");
        }
    }
    if !["name", "uid", "account"]
        .iter()
        .any(|key| user.contains_key(*key))
    {
        let principal = fields.identity.principal.as_deref();
        user.put("name", principal.unwrap_or("Unknown"));
    }
    event.put("user", user);
    let mut session = Map::with_capacity(2);
    session.put_some(
        "credential_uid",
        below(response, &["credentials", "accessKeyId"]),
    );
    session.put_some("issuer", role);
    event.put_full("session", session);
    let mfa = fields
        .additional
        .as_ref()
        .and_then(|data| data.get("MFAUsed"));
    if let Some(used) = mfa.and_then(Value::as_str).and_then(truth) {
        event.put("is_mfa", used);
        if let Some(data) = fields.additional.as_mut() {
            data.shift_remove("MFAUsed");
        }
    }
    let protocol = match fields.event_name.as_deref() {
        Some("AssumeRoleWithSAML") => Some((5, "SAML")),
        Some("AssumeRoleWithWebIdentity") => Some((4, "OpenID")),
        _ => None,
    };
    if let Some((id, name)) = protocol {
        event.put("auth_protocol_id", id);
        event.put("auth_protocol", name);
    }
    if let Some(name) = fields
        .event_source
        .as_deref()
        .filter(|name| !name.is_empty())
    {
        let mut service = Map::with_capacity(1);
        service.put("name", name);
        event.put("service", service);
    } else if !event.contains_key("dst_endpoint") {
        let mut service = Map::with_capacity(1);
        service.put("name", "Unknown");
        event.put("service", service);
    }
}

fn account_change(fields: &Fields, event: &mut Map<String, Value>, observables: &mut Observables) {
    let request = fields.request.as_ref();
    let response = fields.response.as_ref();
    let mut user = Map::with_capacity(4);
    for (entity, name, id) in [
        ("user", "userName", "userId"),
        ("role", "roleName", "roleId"),
    ] {
        let named = below(response, &[entity, name]).or_else(|| below(request, &[name]));
        let arn = below(response, &[entity, "arn"]);
        if named.is_none() && arn.is_none() {
            continue;
        }
        user.put_some("name", named);
        user.put_some("uid", arn);
        user.put_some("uid_alt", below(response, &[entity, id]));
        if entity == "role" {
            user.put("type", "Role");
            user.put("type_id", schema::OTHER);
        } else {
            observables.add("user.name", schema::USER_NAME, named);
        }
        break;
    }
    if user.is_empty() {
        let elsewhere = [
            below(response, &["accessKey", "userName"]),
            below(response, &["loginProfile", "userName"]),
            below(request, &["userId"]),
            below(request, &["groupName"]),
        ];
        user.put_some("name", elsewhere.into_iter().flatten().next());
    }
    // Without parameters it was the caller's own account, unless they were withheld.
    let withheld = [request, response].into_iter().flatten().any(is_marker);
    if user.is_empty() && !withheld {
        user = fields.identity.user();
        user.remove("credential_uid");
    }
    if !["name", "uid", "account"]
        .iter()
        .any(|key| user.contains_key(*key))
    {
        user.put("name", "Unknown");
    }
    event.put("user", user);
    let mut policy = Map::with_capacity(2);
    policy.put_some("uid", below(request, &["policyArn"]));
    policy.put_some("name", below(request, &["policyName"]));
    if !policy.is_empty() {
        event.put("policies", vec![Value::Object(policy)]);
    }
}

/// `resources` as OCSF has them. What is no list of objects comes back.
fn resources_of(value: Value) -> Result<Vec<Value>, Value> {
    let Value::Array(items) = value else {
        return Err(value);
    };
    if !items.iter().all(Value::is_object) || items.iter().any(is_marker) {
        return Err(Value::Array(items));
    }
    let resources = items.into_iter().map(|item| {
        let Value::Object(item) = item else {
            return item;
        };
        let mut resource = Map::with_capacity(4);
        let mut rest = Map::new();
        let (mut arn, mut account, mut kind) = (None, None, None);
        for (key, value) in item {
            let slot = match key.as_str() {
                "ARN" | "arn" => &mut arn,
                "accountId" => &mut account,
                "type" => &mut kind,
                _ => {
                    rest.insert(key, value);
                    continue;
                }
            };
            put_scalar(slot, key, value, &mut rest);
        }
        match arn.as_deref() {
            Some(arn) if !arn.is_empty() => resource.put("uid", arn),
            // The schema wants it named by something.
            _ => resource.put("name", kind.as_deref().unwrap_or("Unknown")),
        }
        resource.put_some("type", kind.as_deref());
        if let Some(account) = account.filter(|account| !account.is_empty()) {
            let mut owner = Map::with_capacity(1);
            owner.put("account", aws_account(&account));
            resource.put("owner", owner);
        }
        if !rest.is_empty() {
            resource.put("data", rest);
        }
        Value::Object(resource)
    });
    Ok(resources.collect())
}
