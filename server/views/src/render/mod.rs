//! Rows as OCSF events.
//!
//! A row is rendered from its view when somebody reads it: the source's bytes stay the
//! truth, and a better mapping reaches old events too. What has no place in OCSF goes to
//! `unmapped` under the source's own names, as it was written, so that nothing is lost. A
//! view of a shared event renders the same way: pseudonyms stand where the identities
//! stood, what was withheld is left out where the schema wants text or numbers, and
//! `unmapped` lists both under [`VIEW_KEY`].
//!
//! Events are written as text straight from the view's text: a search answers with a
//! hundred of them in a fraction of a millisecond.

mod azure;
mod call;
mod cloudtrail;
mod explain;
mod gcp;
mod guardduty;
mod k8s;
mod linux_auth;
mod ocsf;
mod openstack;
mod raw;
mod schema;
mod taken;
mod vpcflow;
mod writer;

use serde_json::Value;

use self::raw::Text;
use self::writer::Writer;
use crate::row::{EventRowRef, SourceType};

pub use explain::{Explanation, PartyLine, WithheldLine, explain};

/// The version of OCSF that rows are rendered in. Events that came as OCSF keep theirs.
pub const OCSF_VERSION: &str = "1.8.0";

/// Where, in `unmapped`, it is said what a view does not show and why.
pub const VIEW_KEY: &str = "cordon:view";

/// The row as an OCSF event. `metadata.uid` is the source's event id. Never fails: a view
/// that can't be read, which ingest does not let in, is rendered from the columns with the
/// view's text in `raw_data`.
///
/// Who only passes the event on is better served by [`write_ocsf`].
#[must_use]
pub fn render_ocsf(row: &EventRowRef<'_>) -> Value {
    let mut text = String::with_capacity(2 * row.raw.len() + 1024);
    write_ocsf(row, &mut text);
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Appends the row as an OCSF event to `out`: one JSON object in one line, without a line
/// break at its end. The same event as [`render_ocsf`]'s, several times faster.
pub fn write_ocsf(row: &EventRowRef<'_>, out: &mut String) {
    let start = out.len();
    let written = match row.source_type {
        SourceType::AwsCloudTrail => cloudtrail::write(row, out),
        SourceType::AwsVpcFlow => vpcflow::write(row, out),
        SourceType::AwsGuardDuty => guardduty::write(row, out),
        SourceType::Ocsf => ocsf::write(row, out),
        SourceType::GcpAudit => gcp::write(row, out),
        SourceType::AzureActivity => azure::write(row, out),
        SourceType::AzureSignIn => azure::signin::write(row, out),
        SourceType::K8sAudit => k8s::write(row, out),
        SourceType::OpenStackNotification => openstack::write(row, out),
        SourceType::LinuxAuth => linux_auth::write(row, out),
    };
    if written.is_none() {
        out.truncate(start);
        unreadable(row, out);
    }
}

const AWS: &str = "AWS";

/// Who makes what a source's records tell of.
const fn vendor(source_type: SourceType) -> &'static str {
    match source_type {
        SourceType::GcpAudit => "GCP",
        SourceType::AzureActivity | SourceType::AzureSignIn => "Azure",
        SourceType::K8sAudit => "Kubernetes",
        SourceType::OpenStackNotification => "OpenStack",
        SourceType::LinuxAuth => "Linux",
        _ => AWS,
    }
}

/// An event of the columns alone.
fn unreadable(row: &EventRowRef<'_>, out: &mut String) {
    let mut event = Writer::new(out);
    Base {
        product: row.source_type.as_str(),
        profiles: &["cloud", "datetime"],
        ..Base::default()
    }
    .write(&mut event, row);
    match vendor(row.source_type) {
        AWS => cloud(&mut event, row.account, row.region),
        other => {
            let cloud = event.open("cloud");
            event.text("provider", other);
            event.text_if("region", row.region);
            let account = event.open("account");
            event.text_if("uid", row.account);
            event.close(account);
            event.close(cloud);
        }
    }
    event.text_if("raw_data", row.raw);
    let unmapped = event.open("unmapped");
    view_note(&mut event, row);
    event.close(unmapped);
    event.finish();
}

/// What every event has: metadata, time, class, activity, severity and status.
#[derive(Debug, Clone, Copy, Default)]
struct Base<'a> {
    product: &'a str,
    feature: Option<Text<'a>>,
    version: Option<Text<'a>>,
    profiles: &'a [&'a str],
    uid: Option<Text<'a>>,
    event_code: Option<Text<'a>>,
    correlation_uid: Option<Text<'a>>,
    original_time: Option<Text<'a>>,
    log_level: Option<Text<'a>>,
    original_event_uid: Option<Text<'a>>,
}

impl Base<'_> {
    fn write(&self, event: &mut Writer<'_>, row: &EventRowRef<'_>) {
        let metadata = event.open("metadata");
        // An id that is too long for its column is whole in the record.
        if !event.record("uid", self.uid) {
            event.text("uid", row.event_id);
        }
        event.text("version", OCSF_VERSION);
        let product = event.open("product");
        event.text("name", self.product);
        event.text("vendor_name", vendor(row.source_type));
        event.record("version", self.version);
        let feature = event.open("feature");
        event.record("name", self.feature);
        event.close(feature);
        event.close(product);
        let profiles = event.open_list("profiles");
        for profile in self.profiles {
            event.item(profile);
        }
        event.close_list(profiles);
        event.time("logged_time", Some(row.observed_ns));
        event.record("event_code", self.event_code);
        event.record("correlation_uid", self.correlation_uid);
        event.record("original_time", self.original_time);
        event.record("log_level", self.log_level);
        event.record("original_event_uid", self.original_event_uid);
        event.close(metadata);
        event.time("time", Some(row.time_ns));

        let class = schema::class(row.class_uid);
        event.number("category_uid", row.class_uid / 1000);
        event.text("category_name", class.category);
        event.number("class_uid", row.class_uid);
        event.text("class_name", class.name);
        let activity = class.activity(row.activity_id);
        event.number("activity_id", row.activity_id);
        // What OCSF has no word for goes by the source's own.
        let own = row.activity_id == schema::OTHER && !row.operation.is_empty();
        event.text("activity_name", if own { row.operation } else { activity });
        let type_uid = i64::from(row.class_uid) * 100 + i64::from(row.activity_id);
        event.number("type_uid", type_uid);
        event.text("type_name", &format!("{}: {activity}", class.name));
        event.number("severity_id", row.severity_id);
        event.text("severity", schema::severity(row.severity_id));
        if class.has_outcome() {
            event.number("status_id", row.status.code());
            event.text("status", row.status.as_str());
        }
    }
}

/// What a reader must know of the view; nothing if it is the original with a good time.
fn view_note(event: &mut Writer<'_>, row: &EventRowRef<'_>) {
    let note = event.open(VIEW_KEY);
    if row.shared {
        event.truth("shared", true);
    }
    if row.time_invalid {
        event.text("time_quality", "invalid");
    }
    let withheld = event.open_list("withheld");
    for one in row.withheld {
        let line = event.open_item();
        event.text("path", &one.path);
        event.text("reason", one.reason.as_str());
        event.close(line);
    }
    event.close_list(withheld);
    event.close(note);
}

/// Whether there is something that [`view_note`] says.
const fn has_note(row: &EventRowRef<'_>) -> bool {
    row.shared || row.time_invalid || !row.withheld.is_empty()
}

/// `cloud`, which the class's profile asks for.
fn cloud(event: &mut Writer<'_>, account: &str, region: &str) {
    let cloud = event.open("cloud");
    event.text("provider", AWS);
    event.text_if("region", region);
    if !account.is_empty() {
        let account_at = event.open("account");
        event.text("uid", account);
        account_words(event);
        event.close(account_at);
    }
    event.close(cloud);
}

/// An account of the record, if it is named.
fn account(event: &mut Writer<'_>, uid: Option<Text<'_>>) -> bool {
    let account = event.open("account");
    if event.record("uid", uid) {
        account_words(event);
    }
    event.close(account)
}

fn account_words(event: &mut Writer<'_>) {
    event.text("type", "AWS Account");
    event.number("type_id", 10);
}

/// By which name an endpoint goes that the source calls so: an address, a service's
/// domain, or just a name, which a pseudonym counts as.
fn endpoint_key(text: &str) -> &'static str {
    if crate::identity::parse_address(text).is_some() {
        "ip"
    } else if text.contains('.') && !text.contains(char::is_whitespace) {
        "domain"
    } else {
        "name"
    }
}

/// One thing worth pivoting on, with the path at which it stands.
fn observable(event: &mut Writer<'_>, name: &str, type_id: i32, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        let one = event.open_item();
        event.text("name", name);
        event.text("type", schema::observable(type_id));
        event.number("type_id", type_id);
        event.text("value", value);
        event.close(one);
    }
}

/// A truth value, also where the source writes it as text.
fn truth(text: &str) -> Option<bool> {
    match text {
        "true" | "Yes" | "yes" => Some(true),
        "false" | "No" | "no" => Some(false),
        _ => None,
    }
}
