//! Published translations, field by field. They are written by hand and do not always
//! agree with each other or with the schema, so a difference is a question; the reviewed
//! answers are in [`THEIRS`] and [`OURS`], and a difference that is not there fails. The
//! files' content stays where it is and is read at run time.
//!
//! Compared are the translations of CloudTrail and VPC flow logs. No normalizer exists,
//! and so nothing is compared, for Route 53, Security Hub and WAF of AWS, and for Cisco,
//! Falco, GitHub, Microsoft, Okta, Prowler, SSC and Zeek; none is published for GuardDuty.

use std::collections::{BTreeMap, BTreeSet};

use cordon_views::SourceType;
use serde_json::Value;

use crate::schema::everything;
use crate::world::{data, read};

use SourceType::{AwsCloudTrail, AwsVpcFlow};

/// Folder below `mappings`, raw file, translation, source type.
const PAIRS: [(&str, &str, &str, SourceType); 13] = [
    (
        "bloblang/AWS/CloudTrail/v1.0.0/Account Chanage/samples",
        "account_change.raw",
        "OCSF_account_change.json",
        AwsCloudTrail,
    ),
    (
        "bloblang/AWS/CloudTrail/v1.0.0/Authentication/samples",
        "authentication.raw",
        "OCSF_authentication.json",
        AwsCloudTrail,
    ),
    (
        "bloblang/AWS/CloudTrail/v1.1.0/Account Chnage/samples",
        "account_change.raw",
        "OCSF_account_change.json",
        AwsCloudTrail,
    ),
    (
        "bloblang/AWS/CloudTrail/v1.1.0/Authentication",
        "authentication.raw",
        "OCSF_authentication.json",
        AwsCloudTrail,
    ),
    (
        "markdown/AWS/v1.0.0-rc.2/CloudTrail/Account Change/samples",
        "account_change.raw",
        "account_change.ocsf",
        AwsCloudTrail,
    ),
    (
        "markdown/AWS/v1.0.0-rc.2/CloudTrail/Authentication/samples",
        "authentication.raw",
        "authentication.ocsf",
        AwsCloudTrail,
    ),
    (
        "markdown/AWS/v1.1.0/CloudTrail/API Activity/samples",
        "generic_api_activity.raw",
        "generic_api_activity.ocsf",
        AwsCloudTrail,
    ),
    (
        "markdown/AWS/v1.1.0/CloudTrail/Account Change/samples",
        "account_change.raw",
        "account_change.ocsf",
        AwsCloudTrail,
    ),
    (
        "markdown/AWS/v1.1.0/CloudTrail/Authentication/samples",
        "authentication.raw",
        "authentication.ocsf",
        AwsCloudTrail,
    ),
    (
        "markdown/AWS/v1.5.0/CloudTrail/API Activity/samples",
        "generic_api_activity.raw",
        "generic_api_activity.ocsf",
        AwsCloudTrail,
    ),
    (
        "markdown/AWS/v1.0.0-rc.2/VPC Flowlogs/samples",
        "vpcflowlog.raw",
        "vpcflowlog.ocsf",
        AwsVpcFlow,
    ),
    (
        "markdown/AWS/v1.1.0/VPC Flowlogs/samples",
        "vpcflowlog.raw",
        "vpcflowlog.ocsf",
        AwsVpcFlow,
    ),
    (
        "dataprepper/AWS/v1.1.0/VPC Flow/samples",
        "vpcflowlog.raw",
        "vpcflowlog.ocsf",
        AwsVpcFlow,
    ),
];

/// A reviewed difference: in folders that contain this, at this path (`*` at its end for
/// all below), why.
type Reviewed = (&'static str, &'static str, &'static str);

/// What the published translation has otherwise, or has and we have not.
const THEIRS: &[Reviewed] = &[
    (
        "",
        "metadata.version",
        "everything is rendered in one version, whatever that of the example",
    ),
    // Files that do not go with their own raw file.
    (
        "bloblang",
        "metadata.uid",
        "redacted in the translation only",
    ),
    (
        "bloblang",
        "api.request.uid",
        "redacted in the translation only",
    ),
    (
        "bloblang",
        "api.response.data.user.userId",
        "redacted in the translation only",
    ),
    (
        "bloblang",
        "actor.user.uid_alt",
        "redacted in the translation only",
    ),
    (
        "bloblang",
        "unmapped.userIdentity.sessionContext.sessionIssuer.principalId",
        "redacted in the translation only",
    ),
    (
        "bloblang",
        "time",
        "another year in the translation than in the raw file",
    ),
    (
        "bloblang",
        "time_dt",
        "another year in the translation than in the raw file",
    ),
    (
        "bloblang",
        "actor.session.created_time",
        "another date in the translation",
    ),
    (
        "bloblang",
        "actor.session.created_time_dt",
        "another date in the translation",
    ),
    (
        "VPC Flowlogs",
        "dst_endpoint.interface_uid",
        "has more digits in the translation",
    ),
    // What the schema says otherwise.
    ("bloblang", "category_name", "not the schema's caption"),
    (
        "bloblang",
        "observables.user.name.type",
        "not the schema's caption",
    ),
    (
        "dataprepper",
        "action",
        "the source's word; the schema's caption is Denied",
    ),
    (
        "dataprepper",
        "activity_name",
        "contradicts its own activity_id, which is Refuse",
    ),
    (
        "dataprepper",
        "type_uid",
        "contradicts its own class_uid and activity_id",
    ),
    (
        "dataprepper",
        "time",
        "in seconds; the schema says milliseconds",
    ),
    (
        "dataprepper",
        "end_time",
        "in seconds; the schema says milliseconds",
    ),
    (
        "VPC Flowlogs",
        "connection_info.boundary_id",
        "Other for a path that is not given",
    ),
    // Names that the schema has changed since.
    ("rc.2", "category_name", "renamed"),
    ("rc.2", "mfa", "now is_mfa"),
    ("rc.2", "actor.session.mfa", "now is_mfa"),
    ("rc.2", "actor.user.account_uid", "now account.uid"),
    ("rc.2", "cloud.account_uid", "now account.uid"),
    (
        "rc.2",
        "actor.user.uuid",
        "now uid, and what was uid is uid_alt",
    ),
    (
        "rc.2",
        "actor.user.uid",
        "now uid_alt, and what was uuid is uid",
    ),
    ("rc.2", "user.uuid", "now uid, and what was uid is uid_alt"),
    ("rc.2", "user.uid", "now uid_alt; uid is the ARN"),
    // Where we chose otherwise.
    (
        "",
        "unmapped.recipientAccountId",
        "it is cloud.account.uid, as in the example of 1.5.0",
    ),
    (
        "bloblang",
        "metadata.log_name",
        "eventType is metadata.event_code, as in the later examples",
    ),
    (
        "bloblang",
        "metadata.log_provider",
        "says what metadata.product says",
    ),
    (
        "bloblang",
        "unmapped.eventType",
        "mapped, so not unmapped as well",
    ),
    (
        "rc.2",
        "unmapped.eventType",
        "it is metadata.event_code, as in the later examples",
    ),
    (
        "bloblang",
        "unmapped.requestParameters.*",
        "mapped, so not unmapped as well",
    ),
    (
        "bloblang",
        "unmapped.responseElements.*",
        "mapped, so not unmapped as well",
    ),
    (
        "rc.2",
        "unmapped.responseElements.*",
        "it is api.response.data, as in the later examples",
    ),
    (
        "bloblang",
        "unmapped.additionalEventData.LoginTo",
        "mapped, so not unmapped as well",
    ),
    (
        "bloblang",
        "unmapped.userIdentity.sessionContext.attributes.mfaAuthenticated",
        "mapped, so not unmapped as well",
    ),
    (
        "bloblang",
        "user.uid",
        "the caller's principal id; the created user has an ARN",
    ),
    (
        "Account Change",
        "unmapped.managementEvent",
        "the source's truth value, not text of it",
    ),
    (
        "Account Change",
        "unmapped.readOnly",
        "the source's truth value, not text of it",
    ),
    (
        "API Activity",
        "metadata.product.feature.name",
        "the record does not say its category, and we do not guess it",
    ),
];

/// What only we have.
const OURS: &[Reviewed] = &[
    (
        "",
        "cloud.account.*",
        "the account in which it happened, as in the example of 1.5.0",
    ),
    ("", "actor.user.account.type", "said of every account"),
    ("", "actor.user.account.type_id", "said of every account"),
    ("rc.2", "actor.user.account.uid", "was account_uid"),
    (
        "",
        "actor.user.type_id",
        "the schema's number beside the source's word",
    ),
    ("rc.2", "actor.user.uid_alt", "was uid"),
    (
        "bloblang",
        "actor.user.credential_uid",
        "the translation leaves it out",
    ),
    ("rc.2", "actor.session.*", "was mfa; the time in words"),
    (
        "bloblang",
        "unmapped.userIdentity.sessionContext.sessionIssuer.userName",
        "lost in the translation",
    ),
    (
        "v1.1.0",
        "actor.session.created_time",
        "the number beside the words",
    ),
    (
        "rc.2",
        "api.request.data.*",
        "left out by the oldest examples",
    ),
    (
        "rc.2",
        "api.response.data.*",
        "unmapped or left out in the oldest examples",
    ),
    ("", "metadata.logged_time*", "when it was received"),
    (
        "",
        "metadata.original_time",
        "the time as the source wrote it",
    ),
    (
        "",
        "metadata.event_code",
        "eventType, as in the later examples",
    ),
    (
        "rc.2",
        "metadata.profiles.*",
        "datetime, for the times in words",
    ),
    (
        "VPC Flow",
        "metadata.uid",
        "lines have no id of their own; every event has one here",
    ),
    ("", "status", "how it ended"),
    ("", "status_id", "how it ended"),
    ("Authentication", "is_mfa", "was mfa"),
    (
        "Authentication",
        "service.name",
        "the schema asks for service or dst_endpoint",
    ),
    ("Authentication", "user.*", "all that is known of the user"),
    ("Account Chan", "user.uid_alt", "the created user's id"),
    ("Account Chnage", "user.uid_alt", "the created user's id"),
    ("", "observables.*", "the same for every event"),
    ("", "*_dt", "times in words beside times in numbers"),
    ("VPC Flow", "start_time", "start of the window"),
    ("VPC Flow", "end_time", "end of the window"),
    ("VPC Flow", "duration", "length of the window"),
    ("VPC Flow", "action", "the decision by the schema's word"),
    (
        "VPC Flow",
        "action_id",
        "the decision by the schema's number",
    ),
    (
        "VPC Flow",
        "disposition_id",
        "the decision by the schema's number",
    ),
    (
        "VPC Flow",
        "connection_info.protocol_name",
        "the protocol by its name",
    ),
    (
        "VPC Flow",
        "connection_info.protocol_ver_id",
        "the schema's number",
    ),
    (
        "VPC Flow",
        "is_src_dst_assignment_known",
        "flow logs do not tell who began",
    ),
    (
        "VPC Flow",
        "observation_point*",
        "which end the interface is",
    ),
    ("VPC Flow", "type_name", "left out by one example"),
];

fn rendered(raw: &str, source: SourceType) -> Value {
    if source == AwsCloudTrail {
        return everything(source, raw, None).unwrap();
    }
    // One sample writes the line as a JSON object: its names and values, in its order.
    if raw.trim_start().starts_with('[') {
        let parsed: Value = serde_json::from_str(raw).unwrap();
        let fields = parsed[0].as_object().unwrap();
        let header: Vec<&str> = fields.keys().map(String::as_str).collect();
        let line: Vec<String> = fields
            .values()
            .map(|value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            })
            .collect();
        return everything(source, &line.join(" "), Some(&header.join(" "))).unwrap();
    }
    let item = cordon_views::split::split(source, raw.as_bytes())
        .next()
        .unwrap();
    everything(source, item.record.unwrap(), item.context).unwrap()
}

/// One of the files has a comma too many.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| {
        let squeezed: String = text.lines().map(str::trim).collect();
        serde_json::from_str(&squeezed.replace(",}", "}").replace(",]", "]")).unwrap()
    })
}

/// Every leaf with its path, in a form that can be compared: nothing in any of its
/// spellings left out, JSON in text read, times in words as instants, observables by name.
fn leaves(value: &Value, path: &str, out: &mut BTreeMap<String, Value>) {
    let below = |key: &str| {
        if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        }
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(value, &below(key), out);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                let key = match &value["name"] {
                    Value::String(name) if path == "observables" => name.clone(),
                    _ => at.to_string(),
                };
                leaves(value, &below(&key), out);
            }
        }
        Value::Null => {}
        Value::String(text) if matches!(text.as_str(), "" | "''" | "-") => {}
        Value::String(text) if path.ends_with(".data") => {
            leaves(&serde_json::from_str(text).unwrap(), path, out);
        }
        Value::String(text) if path.ends_with("_dt") => {
            let time: jiff::Timestamp = text.parse().unwrap();
            out.insert(path.to_owned(), time.to_string().into());
        }
        other => {
            out.insert(path.to_owned(), other.clone());
        }
    }
}

fn covers(pattern: &str, path: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => path.ends_with(end),
        (_, Some(start)) => path.starts_with(start),
        _ => path == pattern,
    }
}

/// Marks the first reviewed difference that covers this one; false if there is none.
fn reviewed(list: &[Reviewed], folder: &str, path: &str, used: &mut BTreeSet<usize>) -> bool {
    let hit = list
        .iter()
        .position(|(within, pattern, _)| folder.contains(within) && covers(pattern, path));
    used.extend(hit);
    hit.is_some()
}

#[test]
fn published_translations_differ_only_where_reviewed() {
    let Some(data) = data() else { return };
    let (mut theirs_used, mut ours_used) = (BTreeSet::new(), BTreeSet::new());
    let mut open = Vec::new();
    let mut equal = 0;
    for (folder, raw, translation, source) in PAIRS {
        let at = data.join("ocsf-examples/mappings").join(folder);
        let text = |file: &str| String::from_utf8(read(&at.join(file))).unwrap();
        let (mut theirs, mut ours) = (BTreeMap::new(), BTreeMap::new());
        leaves(&parsed(&text(translation)), "", &mut theirs);
        leaves(&rendered(&text(raw), source), "", &mut ours);
        for (path, value) in &theirs {
            if ours.get(path) == Some(value) {
                equal += 1;
            } else if !reviewed(THEIRS, folder, path, &mut theirs_used) {
                open.push(format!(
                    "{folder}: {path} is {value}, ours {:?}",
                    ours.get(path)
                ));
            }
        }
        for path in ours.keys().filter(|path| !theirs.contains_key(*path)) {
            if !reviewed(OURS, folder, path, &mut ours_used) {
                open.push(format!("{folder}: only ours: {path}"));
            }
        }
    }
    assert!(open.is_empty(), "{open:#?}");
    // A difference that is gone must go from the lists.
    for (list, used) in [(THEIRS, theirs_used), (OURS, ours_used)] {
        let stale: Vec<_> = (0..list.len())
            .filter(|at| !used.contains(at))
            .map(|at| list[at])
            .collect();
        assert!(stale.is_empty(), "no longer there: {stale:#?}");
    }
    assert!(equal > 450, "{equal} fields are the same");
}
